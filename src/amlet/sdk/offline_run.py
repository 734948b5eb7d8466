"""A run outside a job: real, local, with a journal of its own; it starts no server (v1-behaviours 5, 19c)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.base.ids import uuid4_text
from amlet.base.paths import Home
from amlet.domain.metric import Point, collate
from amlet.domain.run import CANCELED, COMPLETED, FAILED, RUNNING
from amlet.runtime.journal import Journal, read_file
from amlet.sdk.exceptions import RunEnvironmentException, as_v1
from amlet.sdk.run import Run

if TYPE_CHECKING:
    from amlet.sdk.connection import Connection
    from amlet.sdk.experiment import Experiment

PREFIX = "OfflineRun_"


class _OfflineRun(Run):
    """A local run: the same methods as in a job. Its metrics are kept under AMLET_HOME/offline and can be read back."""

    def __init__(self, parent_logger: Any = None, run_id: Optional[str] = None, **kwargs: Any) -> None:
        self._run_id = run_id or PREFIX + uuid4_text()
        self._folder = Home.find().offline / self._run_id
        self._journal = Journal(self._folder, self._run_id, 1)
        self._status = RUNNING
        self._offline_experiment: Optional[Experiment] = None

    @property
    def experiment(self) -> Experiment:
        """An experiment named after this folder, in the workspace of its config.json.

        Raises:
            UserErrorException: if there is no config.json.
        """
        if self._offline_experiment is None:
            from amlet.sdk import config_file
            from amlet.sdk.experiment import Experiment
            from amlet.sdk.workspace import Workspace

            found = config_file.load()
            workspace = Workspace(*found[:3], _disable_service_check=True, _url=found.amlet_url)
            name = "".join(letter if letter.isalnum() else "-" for letter in Path.cwd().name).strip("-") or "offline"
            self._offline_experiment = Experiment(workspace, name, _skip_name_validation=True, _create_in_cloud=False)
        return self._offline_experiment

    @property
    def number(self) -> Optional[int]:
        """None: no experiment counts it."""
        return None

    @property
    def name(self) -> str:
        """The id."""
        return self._run_id

    @property
    def display_name(self) -> str:
        """The id."""
        return self._run_id

    @property
    def type(self) -> Optional[str]:
        """None, as for interactive runs."""
        return None

    @property
    def status(self) -> str:
        """`Running` until `complete`, `fail` or `cancel`."""
        return self._status

    def get_status(self) -> str:
        """`Running` until `complete`, `fail` or `cancel`."""
        return self._status

    def log(self, name: str, value: Any, description: str = "", step: Optional[int] = None) -> None:
        """Print and keep one value."""
        super().log(name, value, description, step)
        _tell("scalar", name, value)

    def log_list(self, name: str, value: List[Any], description: str = "") -> None:
        """Print and keep a list of values."""
        super().log_list(name, value, description)
        _tell("list", name, value)

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """Print and keep one row of a table."""
        super().log_row(name, description, **kwargs)
        _tell("row", name, kwargs)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        """Print and keep a table."""
        super().log_table(name, value, description)
        _tell("table", name, value)

    def get_metrics(
        self,
        name: Optional[str] = None,
        recursive: bool = False,
        run_type: Optional[str] = None,
        populate: bool = False,
    ) -> Dict[str, Any]:
        """What was logged, in v1's shapes, read from the journal."""
        points: Dict[str, List[Point]] = {}
        for journal in sorted(self._folder.glob("*.jsonl")):
            for point in read_file(journal):
                if name in (None, point.name):
                    points.setdefault(point.name, []).append(point)
        with as_v1():
            values = {key: collate(held) for key, held in points.items()}
        if not recursive:
            return values
        return {self._run_id: values} if values else {}

    def complete(self, _set_status: bool = True) -> None:
        """The run has ended well."""
        self._status = COMPLETED

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """The run has ended with an error, which is printed."""
        self._status = FAILED
        print(f"Run failed with error code {error_code}:\n{error_details}")

    def cancel(self) -> None:
        """The run was given up."""
        self._status = CANCELED

    def flush(self, timeout_seconds: float = 300) -> None:
        """Nothing is waiting: what was logged is on disk."""
        print(f"Attempted to flush run with id {self._run_id}")

    def __enter__(self) -> _OfflineRun:
        print(f"[START] Run {self._run_id} context")
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        if exit_type is None:
            self.complete()
        else:
            self.fail(value, "UserError")
        print(f"[STOP] Run {self._run_id} context")

    def __str__(self) -> str:
        return f"Run(Experiment: offline,\nId: {self._run_id},\nType: None,\nStatus: {self._status})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    @property
    def _connection(self) -> Connection:
        raise RunEnvironmentException(
            f"{self._run_id} is a local run: no server knows it, and what was asked for needs one.",
            hint="submit the script with Experiment.submit(ScriptRunConfig(...)); inside a job the same call works.",
        )

    def _hand_in_outputs(self) -> None:
        raise RunEnvironmentException(
            f"{self._run_id} is a local run: its files are here, and no server keeps them.",
            hint='Model.register(ws, "outputs/model.joblib", model_name) registers a file of this machine.',
        )

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        self._journal.append(name, kind, value, step)


def _tell(kind: str, name: str, value: Any) -> None:
    """v1's lines, exactly (v1-behaviours 5.3)."""
    print(f"Attempted to log {kind} metric {name}:\n{value}")
