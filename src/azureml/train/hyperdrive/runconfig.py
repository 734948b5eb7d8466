"""v1's module: names of amlet.sdk."""

from amlet.sdk.hyperdrive.config import (
    HYPERDRIVE_URL_SUFFIX,
    MAX_DURATION_MINUTES,
    MAX_PARENT_RUNS,
    RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN,
    RECOMMENDED_MIN_RUNS_PER_PARAMETER_BAYESIAN,
    RESUME_FROM_TOTAL_RUNS,
    TERMINAL_STATES,
    HyperDriveConfig,
    HyperDriveRunConfig,
    PrimaryMetricGoal,
)

__all__ = [
    "HYPERDRIVE_URL_SUFFIX",
    "MAX_DURATION_MINUTES",
    "MAX_PARENT_RUNS",
    "RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN",
    "RECOMMENDED_MIN_RUNS_PER_PARAMETER_BAYESIAN",
    "RESUME_FROM_TOTAL_RUNS",
    "TERMINAL_STATES",
    "HyperDriveConfig",
    "HyperDriveRunConfig",
    "PrimaryMetricGoal",
]
