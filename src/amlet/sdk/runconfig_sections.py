"""Sections of a run configuration: what is recorded, containers, and what other targets of v1's took."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from amlet.sdk.config_element import ConfigElement, Field


class DockerConfiguration(ConfigElement):
    """How the container of a job is run, where its environment has an image of the user's own."""

    _FIELDS = {
        "use_docker": Field("flag", "Chooses nothing: an image of your own is used, v1's is not."),
        "shared_volumes": Field("flag", "Whether the container shared the work folder."),
        "arguments": Field("list", "More arguments of the container program."),
        "shm_size": Field("text", "Size of the container's shared memory."),
    }

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: Optional[List[str]] = None,
        shm_size: Optional[str] = "2g",
    ) -> None:
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = list(arguments or [])
        self.shm_size = shm_size
        self._close()


class HistoryConfiguration(ConfigElement):
    """What of a run is kept. Outputs, logs and the snapshot always are."""

    _FIELDS = {
        "output_collection": Field("flag", "Outputs and logs are always kept."),
        "snapshot_project": Field("flag", "The source folder is always kept."),
        "directories_to_watch": Field("list", "Folders whose files are kept as they grow."),
    }

    def __init__(self) -> None:
        self.output_collection = True
        self.snapshot_project = True
        self.directories_to_watch = ["logs"]
        self._close()


class SparkConfiguration(ConfigElement):
    """v1's settings of a Spark session: kept and given back."""

    _FIELDS = {"configuration": Field("mapping", "Settings of a Spark session.")}

    def __init__(self) -> None:
        self.configuration: Dict[str, Any] = {
            "spark.app.name": "Azure ML Experiment",
            "spark.yarn.maxAppAttempts": 1,
        }
        self._close()


class HdiConfiguration(ConfigElement):
    """v1's settings of HDInsight: kept and given back."""

    _FIELDS = {"yarn_deploy_mode": Field("text", "Where the driver ran: cluster or client.")}

    def __init__(self) -> None:
        self.yarn_deploy_mode: Optional[str] = "cluster"
        self._close()


class ParallelTaskConfiguration(ConfigElement):
    """v1's settings of parallel tasks: kept and given back."""

    _FIELDS = {
        "max_retries_per_worker": Field("number", "How often a worker was tried again."),
        "worker_count_per_node": Field("number", "Workers on each node."),
        "terminal_exit_codes": Field("list", "Exit codes that end all workers."),
    }

    def __init__(self) -> None:
        self.max_retries_per_worker = 0
        self.worker_count_per_node = 1
        self.terminal_exit_codes: Optional[List[int]] = None
        self._close()


class AmlComputeConfiguration(ConfigElement):
    """v1's settings of a cluster made for one run: kept and given back. Make a compute target and name it instead."""

    _FIELDS = {
        "vm_size": Field("text", "Size of a machine of a cluster made for this run."),
        "vm_priority": Field("text", "dedicated or lowpriority."),
    }

    def __init__(self) -> None:
        self.vm_size: Optional[str] = None
        self.vm_priority: Optional[str] = None
        self._close()


class KubernetesComputeConfiguration(ConfigElement):
    """v1's settings of a Kubernetes target: kept and given back."""

    _FIELDS = {"instance_type": Field("text", "The instance type that was asked for.")}

    def __init__(self) -> None:
        self.instance_type: Optional[str] = None
        self._close()


class ApplicationEndpointConfiguration(ConfigElement):
    """A program beside the job that v1 could serve, such as a notebook: kept and given back, refused at submit."""

    _FIELDS = {
        "type": Field("text", "The kind of program."),
        "port": Field("number", "Its port."),
        "properties": Field("mapping", "More of its settings."),
    }

    def __init__(
        self, type: Optional[str] = None, port: Optional[int] = None, properties: Optional[Dict[str, str]] = None
    ) -> None:
        self.type = type
        self.port = port
        self.properties = properties
        self._close()
