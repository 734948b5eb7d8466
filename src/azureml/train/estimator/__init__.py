"""v1's module: names of amlet.sdk."""

from amlet.sdk.estimator import Estimator, MMLBaseEstimator
from amlet.sdk.refused_names import Gloo, MMLBaseEstimatorRunConfig, Mpi, Nccl, ParameterServer

__all__ = [
    "Estimator",
    "Gloo",
    "MMLBaseEstimator",
    "MMLBaseEstimatorRunConfig",
    "Mpi",
    "Nccl",
    "ParameterServer",
]
