"""A sweep for a person: a bar, the best so far, the last trials; the same as plain lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from amlet.base.units import human_seconds
from amlet.cli.live_table import LiveTable
from amlet.cli.terminal import Terminal, pad, plain
from amlet.domain.run import Run
from amlet.domain.sweep import Standing
from amlet.sdk.connection import Connection
from amlet.wire.runs import WatchQuery
from amlet.wire.sweeps import SweepDetails, TrialQuery

WAIT_S = 20.0
PATIENCE_S = 600.0
BAR = 30
LATEST = 8
"""Trials that the live table shows beside the best."""

HEAD = ("TRIAL", "STATUS", "METRIC", "TOOK", "PARAMETERS")


def sweep_changes(held: Connection, run_id: str) -> Iterator[SweepDetails]:
    """The sweep now, and again at each change, until it is over. Goes on over restarts of the server."""
    query = WatchQuery(-1, WAIT_S)
    while True:
        found = held.client.sweeps.get(held.workspace_id, run_id, query, patience_s=PATIENCE_S)
        yield found
        if found.run.is_over:
            return
        query = WatchQuery(found.run.revision, WAIT_S)


def follow_sweep(held: Connection, run_id: str) -> SweepDetails:
    """Show a sweep until it is over."""
    terminal = Terminal(sys.stderr)
    found: SweepDetails | None = None
    if terminal.is_tty:
        with LiveTable(terminal) as table:
            for found in sweep_changes(held, run_id):
                table.show("\n".join(_screen(held, found)))
    else:
        told = -1
        for found in sweep_changes(held, run_id):
            if found.state.over > told or found.run.is_over:
                told = found.state.over
                terminal.line(_line(found))
    assert found is not None
    return found


def trials_table(terminal: Terminal, details: SweepDetails, standings: Sequence[Standing]) -> None:
    """A table of trials, the best marked."""
    best = details.best.trial.run_id if details.best is not None else None
    terminal.table(HEAD, [_row(standing, best) for standing in standings])


def tell_sweep(terminal: Terminal, details: SweepDetails) -> None:
    """How a sweep stands or ended, and what next."""
    run = details.run
    terminal.line(f"Sweep {terminal.strong(run.id)}: {terminal.status(run.status)}, {_counts(details)}")
    if details.best is not None:
        terminal.line(f"  best  {_best(details, details.best)}")
    for standing in details.front:
        terminal.line(f"  front {_best(details, standing)}")
    for warning in run.warnings:
        terminal.line(f"  {terminal.strong('note:')} {plain(warning.message)}")
    if run.error is not None:
        terminal.line(f"{terminal.bad('error:')} {plain(run.error.message)}")


def bar(done: int, total: int) -> str:
    """How much is done, in thirty columns."""
    filled = min(BAR, BAR * done // max(1, total))
    return "█" * filled + "░" * (BAR - filled)


def _screen(held: Connection, details: SweepDetails) -> list[str]:
    state, total = details.state, details.spec.max_total_runs
    lines = [f"{bar(state.over, total)} {state.over} of {total} trials  {_counts(details)}"]
    lines.append(f"best  {_best(details, details.best)}" if details.best is not None else "best  none yet")
    query = TrialQuery("number", descending=True, limit=LATEST)
    latest = held.client.sweeps.trials(held.workspace_id, details.run.id, query).trials
    best = details.best.trial.run_id if details.best is not None else None
    rows = [_row(standing, best) for standing in latest]
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(len(HEAD))]
    for row in [HEAD, *rows]:
        lines.append("  ".join(pad(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip())
    return lines


def _line(details: SweepDetails) -> str:
    best = f", best {_best(details, details.best)}" if details.best is not None else ""
    return f"{details.state.over} of {details.spec.max_total_runs} trials{best}"


def _counts(details: SweepDetails) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(details.statuses.items())) or "no trials yet"


def _best(details: SweepDetails, standing: Standing) -> str:
    values = ", ".join(
        f"{plain(objective.metric)} {value:g}"
        for objective, value in zip(details.spec.objectives, standing.best, strict=True)
        if value is not None
    )
    return f"{values}  trial {standing.trial.number}: {_parameters(standing)}"


def _row(standing: Standing, best: str | None) -> tuple[str, ...]:
    value = standing.best[0]
    mark = " *" if standing.trial.run_id == best else ""
    status = f"{standing.status} ({standing.trial.stopped_by})" if standing.trial.stopped_by else standing.status
    took = ""
    if standing.started is not None and standing.ended is not None:
        took = human_seconds((standing.ended - standing.started).total_seconds())
    shown = "" if value is None else f"{value:.6g}{mark}"
    return str(standing.trial.number), status, shown, took, _parameters(standing)


def _parameters(standing: Standing) -> str:
    return " ".join(f"{plain(name)}={plain(_short(value))}" for name, value in standing.trial.parameters.items())


def _short(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def page_of(held: Connection, run: Run) -> str:
    """The address of a sweep's page."""
    from amlet.wire.pages import run_page

    return held.page(run_page(held.workspace_id, run.experiment, run.id))
