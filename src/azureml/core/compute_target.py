"""v1's module: names of amlet.sdk."""

from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_local import AbstractComputeTarget, LocalTarget
from amlet.sdk.exceptions import ComputeTargetException
from amlet.sdk.refused_names import (
    attach_legacy_compute_target,
    is_compute_target_prepared,
    prepare_compute_target,
    remove_legacy_compute_target,
)

__all__ = [
    "AbstractComputeTarget",
    "ComputeTarget",
    "ComputeTargetException",
    "LocalTarget",
    "attach_legacy_compute_target",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]
