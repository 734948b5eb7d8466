"""Submit a sweep, see `Experiment.submit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional

from amlet.sdk.exceptions import as_v1
from amlet.sdk.hyperdrive.exceptions import HyperDriveConfigException
from amlet.sdk.submission import send

if TYPE_CHECKING:
    from amlet.domain.sweep import SweepSpec
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.hyperdrive.config import HyperDriveConfig
    from amlet.sdk.hyperdrive.run import HyperDriveRun
    from amlet.sdk.script_run_config import ScriptRunConfig
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
    script = config._script()
    if config.estimator is not None:
        script = config.estimator._without(config._spec.sampling.space)
    return submit_spec(
        experiment,
        script,
        config._spec,
        tags,
        config,
        run_id=run_id or config._custom_run_id,
        display_name=display_name,
        description=description,
        parent_id=parent_id,
    )


def submit_spec(
    experiment: Experiment,
    script: ScriptRunConfig,
    spec: SweepSpec,
    tags: Dict[str, Optional[str]],
    config: Optional[HyperDriveConfig] = None,
    **named: Optional[str],
) -> HyperDriveRun:
    """Submit a sweep of a script.

    Args:
        config: What the run is to tell of itself.
        **named: `run_id`, `display_name`, `description`, `parent_id`.
    """
    from amlet.sdk.hyperdrive.run import HyperDriveRun
    from amlet.wire.sweeps import SubmitSweep

    held = experiment.workspace._connection

    def call(asked: SubmitRun) -> SubmitAnswer:
        with as_v1(HyperDriveConfigException):
            return held.client.sweeps.submit(held.workspace_id, SubmitSweep(asked, spec))

    sent = send(experiment, script, tags, call, **named)
    return HyperDriveRun(experiment, sent.run.id, config, _record=sent.run)
