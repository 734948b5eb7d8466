"""v1's package of compute targets: each name is loaded when it is first used."""

from importlib import import_module as _import_module

_HOME = {
    "AdlaCompute": "adla",
    "AksCompute": "aks",
    "AmlCompute": "amlcompute",
    "BatchCompute": "batch",
    "ComputeInstance": "computeinstance",
    "ComputeTarget": "compute",
    "DataFactoryCompute": "datafactory",
    "DatabricksCompute": "databricks",
    "DsvmCompute": "dsvm",
    "HDInsightCompute": "hdinsight",
    "KubernetesCompute": "kubernetescompute",
    "KustoCompute": "kusto",
    "RemoteCompute": "remote",
    "SynapseCompute": "synapse",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name):  # type: ignore[no-untyped-def]
    if name not in _HOME:
        raise AttributeError("module 'azureml.core.compute' has no attribute " + repr(name))
    value = getattr(_import_module("azureml.core.compute." + _HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():  # type: ignore[no-untyped-def]
    return sorted(__all__)
