"""The run that this process belongs to, inside a job: built from the environment, without a call over the network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from amlet.sdk.connection import Connection
from amlet.sdk.exceptions import as_v1
from amlet.sdk.experiment import Experiment
from amlet.sdk.notice import say, warn
from amlet.sdk.run import Run
from amlet.sdk.workspace import Workspace

if TYPE_CHECKING:
    from amlet.runtime.job import JobContext

_kept: Dict[Tuple[str, str, int], _SubmittedRun] = {}


def submitted_run(context: JobContext) -> _SubmittedRun:
    """The run of a job: one object a process (v1-behaviours 6.1)."""
    key = (context.workspace_id, context.run_id, context.attempt)
    if key not in _kept:
        _kept[key] = _SubmittedRun(context)
    return _kept[key]


class _SubmittedRun(Run):
    """A run as its own process sees it. Logging appends to a file and waits for nothing."""

    def __init__(self, context: JobContext) -> None:
        workspace = Workspace(
            context.subscription_id,
            context.resource_group,
            context.workspace_name,
            _held=Connection.of_job(context),
        )
        experiment = Experiment(
            workspace,
            context.experiment,
            _skip_name_validation=True,
            _id=context.experiment_id or None,
            _create_in_cloud=False,
        )
        self._context = context
        # The script may change its folder later; outputs are those of the folder that it was started in.
        self._outputs = Path(os.path.abspath(os.environ.get("AZUREML_OUTPUT_DIRECTORY") or "outputs"))  # noqa: PTH100
        self._experiment = experiment
        self._run_id = context.run_id
        self._record = None
        self._journal = context.open_journal()

    def cancel(self) -> None:
        """Warn: a run cannot end itself so (v1-behaviours 6.2)."""
        warn("cancel() has no effect inside the run: leave the script, or cancel it from outside.")

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """Tell an error in the run's log. The status is that of the script's end."""
        if error_details is not None and not isinstance(error_details, (str, BaseException)):
            raise TypeError(f"error_details must be a str or an exception, not {type(error_details).__name__}")
        self.flush()
        say(f"run.fail: {error_code or 'UserError'}: {error_details}")

    def flush(self, timeout_seconds: float = 300) -> None:
        """Bring what was logged to the server. What cannot be brought now, the node brings later."""
        from amlet.base.errors import AmletError

        try:
            self._bring_metrics()
        except AmletError as error:
            warn(f"what was logged is kept and follows later: {error.message}")

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        self._journal.append(name, kind, value, step)

    def _bring_metrics(self) -> None:
        """Bring the journals of all processes of this attempt."""
        folder = self._context.journal_dir
        if folder is not None and folder.is_dir():
            from amlet.sdk.draining import drain

            with as_v1():
                drain(self._connection, self._run_id, self._context.attempt, folder)

    def _hand_in_outputs(self) -> None:
        """Send ./outputs as it is now, so that a model can be made of it before the run ends (complaint 16)."""
        from amlet.client.uploads import submit_with_blobs
        from amlet.sdk.local_files import files_below
        from amlet.wire.runs import PutFiles

        if not self._outputs.is_dir():
            return
        found = files_below(self._outputs, "outputs")
        if found.entries:
            held = self._connection
            with as_v1():
                submit_with_blobs(
                    lambda: held.client.runs.put_files(held.workspace_id, self._run_id, PutFiles(found.entries)),
                    held.client,
                    held.workspace_id,
                    found.sources,
                )
