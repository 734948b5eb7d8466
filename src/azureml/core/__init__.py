"""v1's `azureml.core`: names of amlet.sdk, loaded when they are first used."""

from importlib import import_module as _import_module

from amlet.base.version import __version__

VERSION = __version__

_NAMES = (
    "ComputeTarget",
    "ContainerRegistry",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Keyvault",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "Webservice",
    "Workspace",
    "diagnostic_log",
    "get_run",
)
_REFUSED = (
    "Image",
    "LinkedService",
    "PrivateEndPoint",
    "PrivateEndPointConfig",
    "SynapseWorkspaceLinkedServiceConfiguration",
    "attach_legacy_compute_target",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
)
_MODULES = (
    "authentication",
    "compute",
    "compute_target",
    "conda_dependencies",
    "container_registry",
    "dataset",
    "databricks",
    "datastore",
    "environment",
    "experiment",
    "keyvault",
    "model",
    "profile",
    "resource_configuration",
    "run",
    "runconfig",
    "script_run",
    "script_run_config",
    "webservice",
    "workspace",
)

__all__ = ["VERSION", "__version__", *_NAMES]


def __getattr__(name):  # type: ignore[no-untyped-def]
    if name in _NAMES:
        value = getattr(_import_module("amlet.sdk"), name)
    elif name in _REFUSED:
        value = getattr(_import_module("amlet.sdk.refused_names"), name)
    elif name in _MODULES:
        value = _import_module("azureml.core." + name)
    else:
        raise AttributeError("module 'azureml.core' has no attribute " + repr(name))
    globals()[name] = value
    return value


def __dir__():  # type: ignore[no-untyped-def]
    return sorted((*__all__, *_REFUSED, *_MODULES))
