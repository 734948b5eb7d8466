"""The run that this process belongs to, inside a job: built from the environment, without a call over the network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple

from amlet.sdk import recording
from amlet.sdk.connection import Connection
from amlet.sdk.exceptions import as_v1
from amlet.sdk.experiment import Experiment
from amlet.sdk.job_outputs import OUTPUTS, JobOutputs
from amlet.sdk.notice import say, warn
from amlet.sdk.recording import Recorder
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
        if context.journal_dir is None:
            raise ValueError("AMLET_JOURNAL_DIR is not set: this process was not started by a node")
        # The script may change its folder later; outputs are those of the folder that it was started in.
        outputs = os.path.abspath(os.environ.get("AZUREML_OUTPUT_DIRECTORY") or OUTPUTS)  # noqa: PTH100
        self._outputs = JobOutputs(Path(outputs))
        self._experiment = experiment
        self._run_id = context.run_id
        self._record = None
        journals = context.journal_dir
        self._recorder = Recorder(
            lambda: experiment.workspace._connection, context.run_id, context.attempt, journals.parent, journals
        )
        recording.remember(context.workspace_id, self._recorder)

    @property
    def input_datasets(self) -> Mapping[str, Any]:
        """What the run was given, by name: a path, or a dataset where it is given as itself (v1-behaviours 13.12)."""
        from amlet.sdk.run_data import input_datasets

        return input_datasets(self.experiment.workspace)

    @property
    def output_datasets(self) -> Mapping[str, str]:
        """The paths to write to, by the outputs' names."""
        from amlet.sdk.run_data import output_datasets

        return output_datasets()

    def cancel(self) -> None:
        """Warn: a run cannot end itself so (v1-behaviours 6.2)."""
        warn("cancel() has no effect inside the run: leave the script, or cancel it from outside.")

    def complete(self, _set_status: bool = True) -> None:
        """Bring what was logged. The status is that of the script's end (v1-behaviours 6.2)."""
        self.flush()

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """Record an error. The status is that of the script's end, and if that is Failed, the error is this one."""
        from amlet.base.errors import AmletError
        from amlet.sdk.run_errors import error_of
        from amlet.wire.runs import UpdateRun

        error = error_of(error_details, error_code)
        self.flush()
        say(f"run.fail: {error.code}: {error_details}")
        try:
            self._change(UpdateRun(error=error))
        except AmletError as failure:
            warn(f"the error is told in this log alone: {failure.message}")

    def _bring_metrics(self) -> None:
        """Bring the journals of all processes of this attempt, and what else this process logged to."""
        with as_v1():
            recording.bring_all(self._connection.workspace_id)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Bring what was logged, and what was written to ./outputs, but for large files: those follow within seconds.

        What cannot be brought now follows later.
        """
        from amlet.base.errors import AmletError

        super().flush(timeout_seconds)
        try:
            self._outputs.flush(lambda files: self._put(files, replace=True))
        except AmletError as error:
            warn(f"what was written to ./outputs follows later: {error.message}")

    def _hand_in_outputs(self, path: str) -> None:
        """Send the outputs as they are now, so that a model can be made of them before the run ends (complaint 16)."""
        self._outputs.hand_in(path, lambda files: self._put(files, replace=True))
