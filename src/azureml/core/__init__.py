"""v1's `azureml.core`: names of amlet.sdk, loaded when they are first used."""

from importlib import import_module as _import_module

from amlet.base.version import __version__

VERSION = __version__

_NAMES = (
    "ComputeTarget",
    "Environment",
    "Experiment",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRunConfig",
    "Webservice",
    "Workspace",
    "get_run",
)
_MODULES = (
    "compute",
    "compute_target",
    "conda_dependencies",
    "environment",
    "experiment",
    "model",
    "resource_configuration",
    "run",
    "runconfig",
    "script_run_config",
    "webservice",
    "workspace",
)

__all__ = ["VERSION", "__version__", *_NAMES]


def __getattr__(name):  # type: ignore[no-untyped-def]
    if name in _NAMES:
        value = getattr(_import_module("amlet.sdk"), name)
    elif name in _MODULES:
        value = _import_module("azureml.core." + name)
    else:
        raise AttributeError("module 'azureml.core' has no attribute " + repr(name))
    globals()[name] = value
    return value


def __dir__():  # type: ignore[no-untyped-def]
    return sorted((*__all__, *_MODULES))
