"""v1's module: names of amlet.sdk."""

from amlet.sdk.conda_dependencies import CONDA_FILE_NAME, CPU, GPU, TENSORFLOW_DEFAULT_VERSION, CondaDependencies

__all__ = ["CONDA_FILE_NAME", "CPU", "GPU", "TENSORFLOW_DEFAULT_VERSION", "CondaDependencies"]
