"""Run configurations: where and how a script runs, apart from the script (v1-behaviours 9.9)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Union

from amlet.sdk.config_element import ConfigElement
from amlet.sdk.environment import DEFAULT_NAME, Environment


class DockerConfiguration(ConfigElement):
    """v1's container settings of a job: kept and given back. Jobs run as processes."""

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

    def __init__(self) -> None:
        self.output_collection = True
        self.snapshot_project = True
        self.directories_to_watch = ["logs"]
        self._close()


class RunConfiguration(ConfigElement):
    """Where and how a script runs. Its attributes are closed: a typo raises AttributeError."""

    def __init__(
        self,
        script: Optional[str] = None,
        arguments: Optional[Union[str, List[Any]]] = None,
        framework: Optional[str] = None,
        communicator: Optional[str] = None,
        conda_dependencies: Any = None,
        _history_enabled: Optional[bool] = None,
        _path: Optional[str] = None,
        _name: Optional[str] = None,
        command: Optional[Union[str, List[str]]] = None,
    ) -> None:
        self.script = script
        self.arguments: Union[str, List[Any]] = [] if arguments is None else arguments
        self.command = command
        self._target = "local"
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self.node_count = 1
        self.priority: Optional[int] = None
        self.max_run_duration_seconds: Optional[int] = None
        self.credential_passthrough = False
        self.environment = Environment(DEFAULT_NAME)
        self.environment_variables: Dict[str, str] = {}
        self.history = HistoryConfiguration()
        self.docker = DockerConfiguration()
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self._close()

    @property
    def target(self) -> str:
        """The name of the compute target. A compute target may be set too."""
        return self._target

    @target.setter
    def target(self, value: Any) -> None:
        self._target = value if isinstance(value, str) else value.name
