"""v1's module: names of amlet.sdk."""

from amlet.sdk.conda_dependencies import (
    CHANNELS,
    CONDA_FILE_NAME,
    CPU,
    DEFAULT_SDK_ORIGIN,
    GPU,
    PACKAGES,
    PIP,
    PYTHON_DEFAULT_VERSION,
    PYTHON_PREFIX,
    TENSORFLOW_DEFAULT_VERSION,
    CondaDependencies,
)
from amlet.sdk.conda_dependencies import PYTHON_VERSION as VERSION_REGEX

__all__ = [
    "CHANNELS",
    "CONDA_FILE_NAME",
    "CPU",
    "DEFAULT_SDK_ORIGIN",
    "GPU",
    "PACKAGES",
    "PIP",
    "PYTHON_DEFAULT_VERSION",
    "PYTHON_PREFIX",
    "TENSORFLOW_DEFAULT_VERSION",
    "VERSION_REGEX",
    "CondaDependencies",
]
