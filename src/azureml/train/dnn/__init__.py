"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import Chainer, Gloo, Mpi, Nccl, ParameterServer, PyTorch, TensorFlow

__all__ = [
    "Chainer",
    "Gloo",
    "Mpi",
    "Nccl",
    "ParameterServer",
    "PyTorch",
    "TensorFlow",
]
