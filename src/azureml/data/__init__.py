"""v1's `azureml.data`: names of amlet.sdk, loaded when they are first used."""

from importlib import import_module as _import_module

_NAMES = ("DataType", "FileDataset", "OutputFileDatasetConfig", "TabularDataset")
_REFUSED = (
    "DatacacheStore",
    "HDFSOutputDatasetConfig",
    "LinkFileOutputDatasetConfig",
    "LinkTabularOutputDatasetConfig",
)

__all__ = [*_NAMES]


def __getattr__(name):  # type: ignore[no-untyped-def]
    if name in _NAMES:
        value = getattr(_import_module("amlet.sdk"), name)
    elif name in _REFUSED:
        value = getattr(_import_module("amlet.sdk.refused_names"), name)
    else:
        raise AttributeError("module 'azureml.data' has no attribute " + repr(name))
    globals()[name] = value
    return value


def __dir__():  # type: ignore[no-untyped-def]
    return sorted((*__all__, *_REFUSED))
