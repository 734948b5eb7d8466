"""Run configurations: where and how a script runs, apart from the script (v1-behaviours 9.9-9.11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from amlet.sdk.config_element import ConfigElement, Field, parts, section, sections
from amlet.sdk.distributed import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from amlet.sdk.environment import DEFAULT_NAME, Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.runconfig_data import Data, DatacacheConfiguration, DataReferenceConfiguration, OutputData
from amlet.sdk.runconfig_environment import ENVIRONMENT
from amlet.sdk.runconfig_sections import (
    AmlComputeConfiguration,
    ApplicationEndpointConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    ParallelTaskConfiguration,
    SparkConfiguration,
)

LOCAL_NAME = "local"
"""What v1 calls the configuration of this machine."""


class RunConfiguration(ConfigElement):
    """Where and how a script runs. Its attributes are closed: a typo raises AttributeError.

    Args:
        script: The file to run, in the source folder.
        arguments: A list of values, or one line that is split as a shell would.
        framework: `Python`, `PyTorch` or `TensorFlow`.
        communicator: How the processes of one run talk; `None` for one process.
        conda_dependencies: Packages of the environment.
        command: A shell's line in place of script and arguments.
    """

    _FIELDS = {
        "script": Field("text", "The script, in the source folder."),
        "arguments": Field("words", "What the script gets on its command line."),
        "command": Field("words", "A shell's line, in place of script and arguments."),
        "target": Field("text", "The compute target; local is this machine."),
        "framework": Field("text", "Python, PyTorch or TensorFlow."),
        "communicator": Field("text", "How several processes talk: None, ParameterServer, IntelMpi, Nccl, Gloo."),
        "max_run_duration_seconds": Field("number", "After so many seconds the run is ended; empty: never."),
        "node_count": Field("number", "Nodes of the run."),
        "priority": Field("number", "Runs with a higher one start first."),
        "retries": Field(
            "number", "How often it is tried again when its node is lost, or after one of the codes below."
        ),
        "retry_codes": Field("list", "Exit codes of the script after which it is tried again."),
        "credential_passthrough": Field("flag", "Whether the job got the user's own Azure login."),
        "environment": Field("section", "The packages and variables of the job.", lambda: Environment(""), ENVIRONMENT),
        "environment_variables": Field("texts", "Variables of the job's process."),
        "history": section(HistoryConfiguration, "What is kept of the run."),
        "docker": section(DockerConfiguration, "Containers."),
        "mpi": section(MpiConfiguration, "Processes over MPI."),
        "pytorch": section(PyTorchConfiguration, "Processes of torch.distributed."),
        "tensorflow": section(TensorflowConfiguration, "Workers of TensorFlow."),
        "paralleltask": section(ParallelTaskConfiguration, "Parallel tasks."),
        "spark": section(SparkConfiguration, "Spark."),
        "hdi": section(HdiConfiguration, "HDInsight."),
        "amlcompute": section(AmlComputeConfiguration, "A cluster made for this run."),
        "kubernetescompute": section(KubernetesComputeConfiguration, "Kubernetes."),
        "services": sections(ApplicationEndpointConfiguration, "Programs beside the job, by name."),
        "data_references": sections(DataReferenceConfiguration, "Files of datastores, by name."),
        "data": sections(Data, "Data that the job gets, by name."),
        "output_data": sections(OutputData, "Data that the job writes, by name."),
        "datacaches": parts(DatacacheConfiguration, "Caches of data."),
        "source_directory_data_store": Field("text", "The datastore that held the source folder."),
        "auto_cluster_compute_specification": Field("any"),
    }

    def __init__(
        self,
        script: Optional[str] = None,
        arguments: Optional[Union[str, List[Any]]] = None,
        framework: Optional[str] = None,
        communicator: Optional[str] = None,
        conda_dependencies: Any = None,
        _history_enabled: Optional[bool] = None,
        _path: Optional[Union[str, Path]] = None,
        _name: Optional[str] = None,
        command: Optional[Union[str, List[str]]] = None,
    ) -> None:
        self.script = script
        self.arguments: Union[str, List[Any]] = [] if arguments is None else arguments
        self.command = command
        self._target = "local"
        self._path, self._name = _path, _name
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self.node_count = 1
        self.priority: Optional[int] = None
        self.retries = 0
        self.retry_codes: List[int] = []
        self.max_run_duration_seconds: Optional[int] = None
        self.credential_passthrough = False
        self.environment = Environment(DEFAULT_NAME)
        self.environment_variables: Dict[str, str] = {}
        self.history = HistoryConfiguration()
        if _history_enabled is not None:
            self.history.output_collection = _history_enabled
        self.docker = DockerConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.spark = SparkConfiguration()
        self.hdi = HdiConfiguration()
        self.amlcompute = AmlComputeConfiguration()
        self.kubernetescompute = KubernetesComputeConfiguration()
        self.services: Dict[str, ApplicationEndpointConfiguration] = {}
        self.data_references: Dict[str, DataReferenceConfiguration] = {}
        self.data: Dict[str, Data] = {}
        self.output_data: Dict[str, OutputData] = {}
        self.datacaches: List[DatacacheConfiguration] = []
        self.source_directory_data_store: Optional[str] = None
        self.auto_cluster_compute_specification: Any = None
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self._close()

    @property
    def target(self) -> str:
        """The name of the compute target. A compute target may be set too."""
        return self._target

    @target.setter
    def target(self, value: Any) -> None:
        name = value if isinstance(value, str) else getattr(value, "name", None)
        if not isinstance(name, str) or not name:
            raise UserErrorException(
                f"target must be a compute target or its name, not {value!r}.",
                hint='use ws.compute_targets["name"], or "local".',
            )
        self._target = name

    @property
    def auto_prepare_environment(self) -> bool:
        """True: environments are always prepared. Setting it has no effect, as in later versions of v1."""
        return True

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value: bool) -> None:
        pass

    def save(
        self,
        path: Optional[Union[str, Path]] = None,
        name: Optional[str] = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """Write it as YAML, its packages to a conda file beside it.

        Args:
            path: A folder, to whose `.azureml` (or `aml_config`) it is written under `name`; or the path of a file.
            name: The file's name; nothing is added to it.
            separate_environment_yaml: Write the environment to `environment.yml` beside it.

        Raises:
            UserErrorException: if the folder has no `.azureml`, the name is missing, or a value has a wrong type.
        """
        from amlet.sdk import runconfig_file

        runconfig_file.save(self, path, name, separate_environment_yaml=separate_environment_yaml)

    @staticmethod
    def load(path: Union[str, Path], name: Optional[str] = None) -> RunConfiguration:
        """Read one from a file, or by its name from a folder's `.azureml` or `aml_config`.

        Raises:
            UserErrorException: if there is none, naming the places looked at, or with every fault of the file.
        """
        from amlet.sdk import runconfig_file

        return runconfig_file.load(path, name)

    @staticmethod
    def delete(path: Union[str, Path], name: str) -> None:
        """Delete what `save` wrote under that name. Its conda file stays: others may name it.

        Raises:
            UserErrorException: if there is none.
        """
        from amlet.sdk import runconfig_file

        runconfig_file.delete(path, name)
