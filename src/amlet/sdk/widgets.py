"""RunDetails: a run as it goes on, in a notebook as a table that is drawn anew, elsewhere as plain lines."""

from __future__ import annotations

import threading
from html import escape
from typing import Any, Dict, Iterator, List, Optional, Tuple

from amlet.domain.sweep import HYPERDRIVE
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.run import Run

WAIT_S = 10.0
ROWS = 20
"""Of the trials and of the metrics that are shown."""

Rows = List[Tuple[str, str]]


class RunDetails:
    """A live view of a run.

    Args:
        run_instance: The run, or the sweep.

    Raises:
        UserErrorException: for anything else.
    """

    def __new__(cls, run_instance: Run) -> RunDetails:
        """One view for every kind of run."""
        if not isinstance(run_instance, Run):
            raise UserErrorException(
                f"RunDetails shows a run, not {type(run_instance).__name__}.", hint="RunDetails(run).show()"
            )
        return super().__new__(cls)

    def __init__(self, run_instance: Run) -> None:
        self._run = run_instance

    def show(self, render_lib: Any = None, widget_settings: Optional[Dict[str, Any]] = None) -> None:
        """Show the run until it is over.

        In a notebook it is drawn anew beside the cells that follow; elsewhere this call returns when the run is over
        (v1-behaviours 17.3).

        Args:
            render_lib: Called with the view's HTML each time, in place of the notebook's own display.
            widget_settings: Nothing here reads them.
        """
        if render_lib is not None:
            for _ in self._changes():
                render_lib(self._html())
        elif _is_notebook():
            self._in_notebook()
        else:
            self._in_lines()

    def get_widget_data(self, widget_settings: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """What is shown now: the run's facts, and its metrics or its trials."""
        run = self._run
        status = run.get_status()
        told: Dict[str, Any] = {
            "status": status,
            "workbench_run_details_uri": run.get_portal_url(),
            "run_id": run.id,
            "run_properties": {"run_id": run.id, "status": status, "tags": run.tags},
            "loading": False,
        }
        if run.type == HYPERDRIVE:
            told["child_runs"] = run.get_children_sorted_by_primary_metric()  # type: ignore[attr-defined]
        else:
            told["run_metrics"] = run.get_metrics()
        return told

    def _changes(self) -> Iterator[None]:
        """Once now, and after each change until the run is over."""
        from amlet.wire.runs import WatchQuery

        run, held = self._run, self._run._connection
        revision = -1
        while True:
            found = held.client.runs.watch(held.workspace_id, run.id, WatchQuery(revision, WAIT_S))
            run._record, revision = found.run, found.run.revision
            yield
            if found.run.is_over:
                return

    def _in_notebook(self) -> None:
        from IPython.display import HTML, display  # type: ignore[import-not-found]

        handle = display(HTML(self._html()), display_id=True)

        def draw() -> None:
            for _ in self._changes():
                handle.update(HTML(self._html()))

        threading.Thread(target=draw, name=f"details-{self._run.id}", daemon=True).start()

    def _in_lines(self) -> None:
        last: Rows = []
        for _ in self._changes():
            rows = self._rows()
            for name, text in rows:
                if (name, text) not in last:
                    print(f"{name}: {text}", flush=True)
            last = rows

    def _rows(self) -> Rows:
        run = self._run
        rows: Rows = [("RunId", run.id), ("Status", run.status), ("Web View", run.get_portal_url())]
        if run.type == HYPERDRIVE:
            held = run._connection
            details = held.client.sweeps.get(held.workspace_id, run.id)
            done = ", ".join(f"{count} {status}" for status, count in sorted(details.statuses.items()))
            rows.append(
                ("Trials", f"{details.state.over} of {details.spec.max_total_runs} over ({done or 'none yet'})")
            )
            if details.best is not None:
                value = details.best.best[0]
                parameters = ", ".join(f"{name}={value}" for name, value in details.best.trial.parameters.items())
                best = f"{details.spec.primary.metric} {value:g} by {details.best.trial.run_id} ({parameters})"
                rows.append(("Best", best))
        else:
            scalars = [
                (name, value) for name, value in run.get_metrics().items() if isinstance(value, (int, float, str))
            ]
            rows += [(name, str(value)) for name, value in scalars[:ROWS]]
        return rows

    def _html(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{_linked(text)}</td></tr>"
            for name, text in self._rows()
        )
        return f"<table>{cells}</table>"


def _linked(text: str) -> str:
    shown = escape(text, quote=True)
    return f'<a href="{shown}" target="_blank" rel="noopener">{shown}</a>' if text.startswith("http") else shown


def _is_notebook() -> bool:
    """Whether a notebook's kernel runs this process."""
    import sys

    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"
