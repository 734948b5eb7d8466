"""The classes that users touch, shaped as in v1. Each is loaded when its name is first used."""

from __future__ import annotations

import importlib
from typing import Any, List

_HOME = {
    "AmlCompute": "compute_cluster",
    "ComputeTarget": "compute",
    "CondaDependencies": "conda_dependencies",
    "ContainerRegistry": "container_registry",
    "DataPath": "data_path",
    "DataReference": "data_reference",
    "Datastore": "datastore",
    "DataType": "dataset.data_type",
    "Dataset": "dataset",
    "DockerConfiguration": "runconfig",
    "Environment": "environment",
    "Experiment": "experiment",
    "FileDataset": "dataset",
    "JoblibConfiguration": "distributed",
    "Keyvault": "keyvault",
    "Model": "model",
    "OutputFileDatasetConfig": "output_dataset_config",
    "ResourceConfiguration": "resource_configuration",
    "Run": "run",
    "RunConfiguration": "runconfig",
    "ScriptRun": "script_run",
    "ScriptRunConfig": "script_run_config",
    "TabularDataset": "dataset",
    "Webservice": "webservice",
    "Workspace": "workspace",
    "diagnostic_log": "diagnostic_log",
    "get_run": "run",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(__all__)
