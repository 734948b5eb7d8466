"""v1's short way to submit a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlet.sdk.hyperdrive.config import HyperDriveConfig
    from amlet.sdk.run import Run
    from amlet.sdk.workspace import Workspace


def search(hyperdrive_config: HyperDriveConfig, workspace: Workspace, experiment_name: str, **kwargs: Any) -> Run:
    """Submit a sweep to an experiment of a name, see `Experiment.submit`."""
    from amlet.sdk.experiment import Experiment

    return Experiment(workspace, experiment_name).submit(hyperdrive_config, **kwargs)
