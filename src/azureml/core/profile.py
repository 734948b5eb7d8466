"""v1's module: names of amlet.sdk."""

from amlet.sdk.model_profile import (
    MAX_PROFILE_CPU,
    MAX_PROFILE_MEMORY,
    MIN_PROFILE_CPU,
    MIN_PROFILE_MEMORY,
    ModelProfile,
)

__all__ = ["MAX_PROFILE_CPU", "MAX_PROFILE_MEMORY", "MIN_PROFILE_CPU", "MIN_PROFILE_MEMORY", "ModelProfile"]
