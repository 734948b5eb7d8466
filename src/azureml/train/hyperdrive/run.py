"""v1's module: names of amlet.sdk."""

from amlet.sdk.hyperdrive.config import TERMINAL_STATES, HyperDriveConfig, PrimaryMetricGoal
from amlet.sdk.hyperdrive.run import HyperDriveRun

__all__ = [
    "TERMINAL_STATES",
    "HyperDriveConfig",
    "HyperDriveRun",
    "PrimaryMetricGoal",
]
