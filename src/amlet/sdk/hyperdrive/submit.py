"""Submit a sweep, see `Experiment.submit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional

from amlet.sdk.exceptions import as_v1
from amlet.sdk.hyperdrive.exceptions import HyperDriveConfigException
from amlet.sdk.submission import send

if TYPE_CHECKING:
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.hyperdrive.config import HyperDriveConfig
    from amlet.sdk.hyperdrive.run import HyperDriveRun
    from amlet.wire.runs import SubmitAnswer, SubmitRun


def submit_sweep(
    experiment: Experiment,
    config: HyperDriveConfig,
    tags: Dict[str, Optional[str]],
    *,
    run_id: Optional[str] = None,
    display_name: Optional[str] = None,
    description: Optional[str] = None,
    parent_id: Optional[str] = None,
) -> HyperDriveRun:
    """Submit a sweep. Sampled arguments come after those of the script (v1-behaviours 12.6)."""
    from amlet.sdk.hyperdrive.run import HyperDriveRun
    from amlet.wire.sweeps import SubmitSweep

    script = config._script()
    if config.estimator is not None:
        script = config.estimator._without(config._spec.sampling.space)
    held = experiment.workspace._connection

    def call(asked: SubmitRun) -> SubmitAnswer:
        with as_v1(HyperDriveConfigException):
            return held.client.sweeps.submit(held.workspace_id, SubmitSweep(asked, config._spec))

    sent = send(
        experiment,
        script,
        tags,
        call,
        run_id=run_id or config._custom_run_id,
        display_name=display_name,
        description=description,
        parent_id=parent_id,
    )
    return HyperDriveRun(experiment, sent.run.id, config, _record=sent.run)
