"""v1's estimators: the older way to describe a script's run. Each becomes a ScriptRunConfig."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence

from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import TrainingException
from amlet.sdk.notice import given, warn, warn_ignored
from amlet.sdk.script_run_config import ScriptRunConfig

if TYPE_CHECKING:
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.runconfig import RunConfiguration
    from amlet.sdk.script_run import ScriptRun

PYTHON = "3.6.2"
"""What v1's estimators ran under. Its nearest is taken, with the packages of its day."""


class Packages(NamedTuple):
    """What the script's environment is made of, as estimators are told it."""

    conda: Sequence[str] = ()
    pip: Sequence[str] = ()
    conda_file: Optional[str] = None
    pip_file: Optional[str] = None


class MMLBaseEstimator:
    """The base of estimators: `Estimator` and `SKLearn` are used.

    Args:
        source_directory: The folder that holds the script.
        compute_target: A target or its name; None is `local`.
        estimator_config: Nothing here reads it.
    """

    def __init__(self, source_directory: str, *, compute_target: Any, estimator_config: Any = None) -> None:
        warnings.warn(
            f"{type(self).__name__} is v1's older way: use ScriptRunConfig with an Environment.",
            DeprecationWarning,
            stacklevel=3,
        )
        self._source_directory = source_directory
        self._config = ScriptRunConfig(source_directory, "train.py", compute_target=compute_target or "local")

    @property
    def source_directory(self) -> str:
        """The folder that holds the script."""
        return self._source_directory

    @property
    def run_config(self) -> RunConfiguration:
        """The configuration of the run."""
        return self._config.run_config

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages of the environment."""
        held = self.run_config.environment.python.conda_dependencies
        assert held is not None
        return held

    def _describe(
        self,
        script: Optional[str],
        parameters: Optional[Dict[str, Any]],
        environment: Environment,
        compute_target: Any,
        *,
        variables: Optional[Dict[str, str]],
        duration_s: Optional[int],
        spread: Any = None,
        resume_from: Any = None,
    ) -> None:
        if parameters is not None and not isinstance(parameters, dict):
            raise TrainingException(
                f"script_params must be a dict, not {type(parameters).__name__}.", hint="{'--kernel': 'linear'}"
            )
        self._parameters = dict(parameters or {})
        self._config = ScriptRunConfig(
            self._source_directory,
            script or "train.py",
            arguments_of(self._parameters),
            compute_target=compute_target or "local",
            environment=environment,
            distributed_job_config=spread,
            resume_from=resume_from,
        )
        if duration_s is not None:
            self._config.run_config.max_run_duration_seconds = duration_s
        self._config.run_config.environment_variables.update(variables or {})

    def _script_run_config(self) -> ScriptRunConfig:
        return self._config

    def _without(self, sampled: Dict[str, Any]) -> ScriptRunConfig:
        """The script without the parameters that a sweep samples (v1-behaviours 12.6)."""
        names = {name.lstrip("-") for name in sampled}
        clashing = [name for name in self._parameters if name.lstrip("-") in names]
        if not clashing:
            return self._config
        warn(f"script_params that the sweep samples are left out: {', '.join(clashing)}.")
        config = copy.deepcopy(self._config)
        left = {name: value for name, value in self._parameters.items() if name not in clashing}
        config.arguments = arguments_of(left)
        return config


class Estimator(MMLBaseEstimator):
    """A script with its parameters, packages and compute target.

    Args:
        source_directory: The folder that holds the script.
        compute_target: A target or its name; None is `local`.
        entry_script: The script, `train.py` by default.
        script_params: Arguments by name; an empty value stands for a flag alone.
        node_count: Nodes at the same time, with `distributed_training`.
        distributed_training: An MpiConfiguration or the like.
        conda_packages: conda names.
        pip_packages: pip requirements.
        conda_dependencies_file: A conda yaml beside the script.
        pip_requirements_file: A pip file beside the script.
        environment_variables: Those of the script's process.
        environment_definition: An Environment in place of all packages.
        max_run_duration_seconds: After which the run is ended.

    Raises:
        TrainingException: for script_params that are no dict, or a distributed_backend other than mpi.
    """

    def __init__(
        self,
        source_directory: str,
        *,
        compute_target: Any = None,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: Optional[str] = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: Optional[str] = None,
        custom_docker_image: Optional[str] = None,
        image_registry_details: Any = None,
        user_managed: bool = False,
        conda_packages: Optional[List[str]] = None,
        pip_packages: Optional[List[str]] = None,
        conda_dependencies_file_path: Optional[str] = None,
        pip_requirements_file_path: Optional[str] = None,
        conda_dependencies_file: Optional[str] = None,
        pip_requirements_file: Optional[str] = None,
        environment_variables: Optional[Dict[str, str]] = None,
        environment_definition: Optional[Environment] = None,
        inputs: Any = None,
        source_directory_data_store: Any = None,
        shm_size: Optional[str] = None,
        resume_from: Any = None,
        max_run_duration_seconds: Optional[int] = None,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        super().__init__(source_directory, compute_target=compute_target)
        warn_ignored(
            "Estimator",
            given(
                vm_size=vm_size,
                vm_priority=vm_priority,
                image_registry_details=image_registry_details,
                inputs=inputs,
                source_directory_data_store=source_directory_data_store,
                shm_size=shm_size,
            ),
        )
        packages = Packages(
            conda_packages or (),
            pip_packages or (),
            conda_dependencies_file or conda_dependencies_file_path,
            pip_requirements_file or pip_requirements_file_path,
        )
        environment = environment_definition or _environment(
            source_directory,
            packages,
            image=custom_docker_image or custom_docker_base_image,
            user_managed=user_managed,
        )
        spread = _spread(distributed_training or distributed_backend, node_count, process_count_per_node)
        self._describe(
            entry_script,
            script_params,
            environment,
            compute_target,
            variables=environment_variables,
            duration_s=max_run_duration_seconds,
            spread=spread,
            resume_from=resume_from,
        )


class SKLearn(MMLBaseEstimator):
    """A script that uses scikit-learn.

    Args:
        framework_version: Which scikit-learn; one that has no build for the Pythons at hand is replaced by the next.

    The others are those of `Estimator`.
    """

    FRAMEWORK_NAME = "SKLearn"
    DEFAULT_VERSION = "0.20.3"

    def __init__(
        self,
        source_directory: str,
        *,
        compute_target: Any = None,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        use_docker: bool = True,
        custom_docker_image: Optional[str] = None,
        image_registry_details: Any = None,
        user_managed: bool = False,
        conda_packages: Optional[List[str]] = None,
        pip_packages: Optional[List[str]] = None,
        conda_dependencies_file_path: Optional[str] = None,
        pip_requirements_file_path: Optional[str] = None,
        conda_dependencies_file: Optional[str] = None,
        pip_requirements_file: Optional[str] = None,
        environment_variables: Optional[Dict[str, str]] = None,
        environment_definition: Optional[Environment] = None,
        inputs: Any = None,
        shm_size: Optional[str] = None,
        resume_from: Any = None,
        max_run_duration_seconds: Optional[int] = None,
        framework_version: Optional[str] = None,
        _enable_optimized_mode: bool = False,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        super().__init__(source_directory, compute_target=compute_target)
        warn_ignored(
            "SKLearn",
            given(
                vm_size=vm_size,
                vm_priority=vm_priority,
                image_registry_details=image_registry_details,
                inputs=inputs,
                shm_size=shm_size,
            ),
        )
        self._framework_version = framework_version or self.DEFAULT_VERSION
        packages = Packages(
            conda_packages or (),
            [f"scikit-learn>={self._framework_version}", "joblib", *(pip_packages or ())],
            conda_dependencies_file or conda_dependencies_file_path,
            pip_requirements_file or pip_requirements_file_path,
        )
        environment = environment_definition or _environment(
            source_directory, packages, image=custom_docker_image, user_managed=user_managed
        )
        self._describe(
            entry_script,
            script_params,
            environment,
            compute_target,
            variables=environment_variables,
            duration_s=max_run_duration_seconds,
            resume_from=resume_from,
        )

    @property
    def framework_version(self) -> str:
        """Which scikit-learn was asked for."""
        return self._framework_version

    @classmethod
    def get_supported_versions(cls) -> List[str]:
        """The versions that v1 had; any that has a build for a Python at hand can be asked for."""
        return [cls.DEFAULT_VERSION]


def submit_estimator(experiment: Experiment, config: MMLBaseEstimator, *arguments: Any, **named: Any) -> ScriptRun:
    """Submit an estimator, see `Experiment.submit`."""
    from amlet.sdk.submission import submit_script

    return submit_script(experiment, config._script_run_config(), *arguments, **named)


def arguments_of(parameters: Dict[str, Any]) -> List[Any]:
    """Names and values in turn; an empty value leaves the name alone."""
    told: List[Any] = []
    for name, value in parameters.items():
        told += [name] if isinstance(value, str) and not value else [name, value]
    return told


def _environment(folder: str, packages: Packages, *, image: Optional[str], user_managed: bool) -> Environment:
    from pathlib import Path

    if packages.conda_file is not None:
        made = Environment.from_conda_specification("estimator", str(Path(folder) / packages.conda_file))
    elif packages.pip_file is not None:
        made = Environment.from_pip_requirements("estimator", str(Path(folder) / packages.pip_file))
    else:
        made = Environment("estimator")
        made.python.conda_dependencies = CondaDependencies.create(python_version=PYTHON)
    dependencies = made.python.conda_dependencies
    assert dependencies is not None
    for name in packages.conda:
        dependencies.add_conda_package(name)
    for name in [*_listed(folder, packages), *packages.pip]:
        dependencies.add_pip_package(name)
    made.python.user_managed_dependencies = user_managed
    if image is not None:
        made.docker.base_image = image
    return made


def _listed(folder: str, packages: Packages) -> List[str]:
    """What the pip file adds to the conda file."""
    from pathlib import Path

    if packages.conda_file is None or packages.pip_file is None:
        return []
    found = Environment.from_pip_requirements("estimator", str(Path(folder) / packages.pip_file))
    assert found.python.conda_dependencies is not None
    return list(found.python.conda_dependencies.pip_packages)


def _spread(asked: Any, node_count: int, process_count: int) -> Any:
    from amlet.sdk.distributed import MpiConfiguration

    if isinstance(asked, str) and asked != "mpi":
        raise TrainingException(
            f"An Estimator's distributed_backend is 'mpi', not {asked!r}.",
            hint="ScriptRunConfig(distributed_job_config=PyTorchConfiguration(...)) has the others.",
        )
    if asked is None and node_count == 1:
        if process_count != 1:
            warn_ignored("Estimator", ["process_count_per_node"], stacklevel=4)
        return None
    if asked is not None and not isinstance(asked, str) and hasattr(asked, "node_count"):
        asked = copy.copy(asked)
        asked.node_count = node_count
        return asked
    return MpiConfiguration(process_count_per_node=process_count, node_count=node_count)
