"""The run of a submitted script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.domain.run import SCRIPT_RUN
from amlet.sdk.run import Run

if TYPE_CHECKING:
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.runconfig import RunConfiguration


class ScriptRun(Run):
    """A run whose job is a script. `Experiment.submit` gives one.

    Args:
        experiment: The experiment it belongs to.
        run_id: Its id.
        directory: The folder it was submitted from, where it is known.

    Raises:
        UserErrorException: if there is no such run.
    """

    RUN_TYPE = SCRIPT_RUN

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        directory: Optional[str] = None,
        _run_config: Optional[RunConfiguration] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._directory = directory
        self._run_config_object = _run_config

    def cancel(self) -> None:
        """End the run: its processes get SIGTERM, and SIGKILL after a grace time. A run that is over stays as it is."""
        super().cancel()
