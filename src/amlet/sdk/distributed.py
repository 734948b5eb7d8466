"""Jobs of several processes: v1's three ways to start them and one of ours (v1-behaviours 9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.domain.job import JOBLIB
from amlet.sdk.config_element import ConfigElement, Field
from amlet.sdk.exceptions import RunConfigurationException

if TYPE_CHECKING:
    from amlet.sdk.runconfig import RunConfiguration

PYTORCH_BACKENDS = ["nccl", "gloo"]


class MpiConfiguration(ConfigElement):
    """Processes that talk over MPI."""

    _FIELDS = {
        "process_count_per_node": Field("number", "Processes on each node."),
        "node_count": Field("number", "Nodes."),
    }

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        self.process_count_per_node = process_count_per_node
        self.node_count = node_count
        self._close()


class PyTorchConfiguration(ConfigElement):
    """Processes of torch.distributed.

    Raises:
        RunConfigurationException: when it is used with a backend that is neither nccl nor gloo.
    """

    _FIELDS = {
        "communication_backend": Field("text", "nccl or gloo."),
        "process_count": Field("number", "Processes in all; empty for one a node."),
        "node_count": Field("number", "Nodes."),
    }

    def __init__(
        self, communication_backend: str = "Nccl", process_count: Optional[int] = None, node_count: int = 1
    ) -> None:
        self.communication_backend = communication_backend
        self.process_count = process_count
        self.node_count = node_count
        self._close()


class TensorflowConfiguration(ConfigElement):
    """Workers and parameter servers of TensorFlow."""

    _FIELDS = {
        "worker_count": Field("number", "Workers."),
        "parameter_server_count": Field("number", "Parameter servers."),
    }

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count
        self._close()


class JoblibConfiguration(ConfigElement):
    """amlet's own: the script runs once, and what it gives to joblib (`GridSearchCV(n_jobs=-1)`) is spread over nodes.

    The script stays as it is. The other nodes have its environment and its source folder, and take batches of tasks
    from it, as worker processes on its own machine do.

    Args:
        node_count: Nodes, the script's own among them.
    """

    _FIELDS = {"node_count": Field("number", "Nodes, the script's own among them.")}

    def __init__(self, node_count: int = 1) -> None:
        self.node_count = node_count
        self._close()


def set_distributed(settings: RunConfiguration, config: Any) -> None:
    """Take over what `distributed_job_config` says.

    Raises:
        RunConfigurationException: for another type, or a backend that PyTorch does not have.
    """
    if isinstance(config, MpiConfiguration):
        settings.framework, settings.communicator = "Python", "IntelMpi"
        settings.mpi, settings.node_count = config, config.node_count
    elif isinstance(config, PyTorchConfiguration):
        backend = config.communication_backend
        if not isinstance(backend, str) or backend.lower() not in PYTORCH_BACKENDS:
            raise RunConfigurationException(
                f"communication_backend of PyTorchConfiguration cannot be {backend!r}.",
                hint="use one of " + ", ".join(PYTORCH_BACKENDS) + ".",
            )
        settings.framework, settings.communicator = "PyTorch", backend
        settings.pytorch, settings.node_count = config, config.node_count
    elif isinstance(config, TensorflowConfiguration):
        settings.framework, settings.communicator = "TensorFlow", "ParameterServer"
        settings.tensorflow, settings.node_count = config, config.worker_count
    elif isinstance(config, JoblibConfiguration):
        settings.framework, settings.communicator = "Python", JOBLIB
        settings.node_count = config.node_count
    else:
        raise RunConfigurationException(
            f"distributed_job_config must be an MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration or "
            f"JoblibConfiguration, not {type(config).__name__}.",
            hint="import it from azureml.core.runconfig, or leave distributed_job_config out.",
        )
