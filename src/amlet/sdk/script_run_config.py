"""What to run: a folder, a script in it, its arguments, where and in which environment (v1-behaviours 9.1-9.8)."""

from __future__ import annotations

import copy
import shlex
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from amlet.domain.job import MAX_DURATION_S
from amlet.sdk.distributed import set_distributed
from amlet.sdk.exceptions import RunConfigurationException
from amlet.sdk.notice import given
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_sections import DockerConfiguration

if TYPE_CHECKING:
    from amlet.sdk.compute import ComputeTarget
    from amlet.sdk.environment import Environment
    from amlet.sdk.run import Run
    from amlet.sdk.workspace import Workspace


class ScriptRunConfig:
    """What a submit runs. It is checked as a whole when it is submitted.

    Args:
        source_directory: The folder that is sent; None is the one this process is in.
        script: A file in it.
        arguments: A list of values, or one line that is split as a shell would.
        run_config: Where and how, in one object; given, the arguments below it but `command` have no effect.
            It is copied: what is set on it later has no effect here.
        compute_target: A compute target or its name; `local` by default.
        environment: The packages; without one a job has Python alone.
        distributed_job_config: How v1 started several processes. One process on one node runs here.
        max_run_duration_seconds: After this long the run is ended. None: never.
        command: A shell's line in place of script and arguments; a list is joined with blanks, nothing is quoted.
        docker_runtime_config: How the container is run, where the environment has an image of the user's own.

    Raises:
        RunConfigurationException: for a run_config, target, environment or other setting of a wrong type.
    """

    MAX_DURATION_SECONDS_DEFAULT = MAX_DURATION_S

    def __init__(
        self,
        source_directory: Optional[Union[str, Path]],
        script: Optional[str] = None,
        arguments: Optional[Union[str, List[Any]]] = None,
        run_config: Optional[RunConfiguration] = None,
        _telemetry_values: Any = None,
        compute_target: Optional[Union[str, ComputeTarget]] = None,
        environment: Optional[Environment] = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: Optional[int] = MAX_DURATION_S,
        command: Optional[Union[str, List[str]]] = None,
        docker_runtime_config: Optional[DockerConfiguration] = None,
    ) -> None:
        self.source_directory = source_directory
        if run_config is not None:
            self._tell_unused(
                compute_target=compute_target,
                environment=environment,
                distributed_job_config=distributed_job_config,
                docker_runtime_config=docker_runtime_config,
                max_run_duration_seconds=None
                if max_run_duration_seconds == MAX_DURATION_S
                else max_run_duration_seconds,
            )
            if not isinstance(run_config, RunConfiguration):
                raise RunConfigurationException(
                    f"run_config must be a RunConfiguration, not {type(run_config).__name__}.",
                    hint="read one with RunConfiguration.load(path, name).",
                )
            self.run_config = copy.deepcopy(run_config)
        else:
            self.run_config = RunConfiguration()
            self.run_config.max_run_duration_seconds = max_run_duration_seconds
            if compute_target is not None:
                self.run_config.target = _target_name(compute_target)
            if environment is not None:
                self.run_config.environment = environment
            if distributed_job_config is not None:
                set_distributed(self.run_config, distributed_job_config)
            self._set_docker(docker_runtime_config)
        self.script = script if script is not None else self.run_config.script
        self.arguments = arguments if arguments is not None else self.run_config.arguments
        self.command = command if command is not None else self.run_config.command
        if resume_from is not None:
            self.arguments = _resuming(self.arguments, resume_from)

    def _set_docker(self, docker: Optional[DockerConfiguration]) -> None:
        if docker is None:
            section = self.run_config.environment.docker if hasattr(self.run_config.environment, "docker") else None
            if section is not None:
                self.run_config.docker.use_docker = bool(section.enabled)
                self.run_config.docker.shared_volumes = section.shared_volumes
                self.run_config.docker.shm_size = section.shm_size
                self.run_config.docker.arguments = list(section.arguments)
        elif isinstance(docker, DockerConfiguration):
            self.run_config.docker = docker
        else:
            raise RunConfigurationException(
                f"docker_runtime_config must be a DockerConfiguration, not {type(docker).__name__}."
            )

    @staticmethod
    def _tell_unused(**arguments: Any) -> None:
        names = given(**arguments)
        if names:
            warnings.warn(f"run_config is given, so {', '.join(names)} has no effect", UserWarning, stacklevel=3)

    def __repr__(self) -> str:
        return (
            f"ScriptRunConfig(source_directory={str(self.source_directory)!r}, script={self.script!r}, "
            f"arguments={self.arguments!r}, target={self.run_config.target!r})"
        )


def submit(
    script_run_config: ScriptRunConfig,
    workspace: Workspace,
    experiment_name: str,
    run_id: Optional[str] = None,
    _parent_run_id: Optional[str] = None,
    credential_passthrough: bool = False,
) -> Run:
    """Submit a script to an experiment, by its name; see `Experiment.submit`."""
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.notice import warn_ignored

    warn_ignored("submit", ["credential_passthrough"] if credential_passthrough else [])
    more = {"run_id": run_id, "_parent_run_id": _parent_run_id}
    chosen: Dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    return Experiment(workspace, experiment_name).submit(script_run_config, **chosen)


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """A copy of its run configuration that holds its script, arguments and command too."""
    settings = copy.deepcopy(script_run_config.run_config)
    settings.script = script_run_config.script
    settings.arguments = copy.deepcopy(script_run_config.arguments)
    settings.command = copy.deepcopy(script_run_config.command)
    return settings


def _resuming(arguments: Any, resume_from: Any) -> List[Any]:
    """The arguments with the place to resume from (v1-behaviours 9.7)."""
    from amlet.sdk.data_path import DataPath

    if not isinstance(resume_from, DataPath):
        raise RunConfigurationException(
            f"resume_from must be a DataPath, not {type(resume_from).__name__}.",
            hint="use DataPath(datastore, 'path/on/it').",
        )
    given = shlex.split(arguments) if isinstance(arguments, str) else list(arguments or [])
    return [*given, "--resume-from", resume_from.create_data_reference("MODEL_LOCATION")]


def _target_name(target: Any) -> str:
    name = target if isinstance(target, str) else getattr(target, "name", None)
    if not isinstance(name, str) or not name:
        raise RunConfigurationException(
            f"compute_target must be a compute target or its name, not {target!r}.",
            hint='use ws.compute_targets["name"], or "local".',
        )
    return name
