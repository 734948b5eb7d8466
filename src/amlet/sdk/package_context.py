"""The context of a package: models, entry script, the replica's code, and a Dockerfile with the exact packages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from amlet.domain.dockerfile import docker_context_of
from amlet.runtime.scoring.files import NEEDED, WELCOME, ReplicaFile
from amlet.sdk.deployment import chosen_models
from amlet.sdk.exceptions import UserErrorException, WebserviceException, as_v1
from amlet.sdk.inference_config import Source, from_any

if TYPE_CHECKING:
    from amlet.domain.environment import EnvironmentSpec, Lock
    from amlet.sdk.environment import Environment
    from amlet.sdk.inference_config import InferenceConfig
    from amlet.sdk.model import Model
    from amlet.sdk.workspace import Workspace

ROOT = "/var/azureml-app"
"""v1's AML_APP_ROOT (v1-behaviours 15.15)."""
MODELS, SOURCE, SERVICE, SDK = "azureml-models", "source", "service", "amlet-sdk"
OVERLAY = f"{ROOT}/overlay"
PORT = 5001


class Context(NamedTuple):
    """What was written."""

    model_ids: List[str]
    environment: Optional[Environment]


def write_context(folder: Path, workspace: Workspace, models: Any, inference_config: Any) -> Context:
    """Write a Dockerfile and all that it copies.

    Raises:
        UserErrorException: for no or several models without an InferenceConfig.
        WebserviceException: for what cannot be packaged, or an environment that cannot be resolved.
    """
    config = from_any(inference_config)
    chosen = chosen_models(workspace, models)
    if config is None and len(chosen) != 1:
        raise UserErrorException(
            f"You must provide an InferenceConfig when packaging zero or multiple models; {len(chosen)} were given.",
            hint='InferenceConfig(entry_script="score.py", ...) asks any number of them; or pass a single model.',
        )
    if config is not None:
        config.validate_configuration()
        config.validation_script_content()
    environment = None if config is None else config._service_environment()
    lock, spec = _resolved(workspace, environment, chosen)
    if lock.interpreter is not None and lock.image is None:
        raise WebserviceException(
            "An environment whose packages the user manages is a folder of this machine: it cannot be packaged.",
            hint="list the packages in environment.python.conda_dependencies.",
        )
    docker = docker_context_of(lock, spec.container)
    folder.mkdir(parents=True)
    for name, text in docker.files.items():
        (folder / name).write_text(text, "utf-8")
    for model in chosen:
        model.download(str(folder / MODELS / model.name / str(model.version)))
    (folder / MODELS).mkdir(exist_ok=True)
    source = None if config is None else config._collect()
    _copy_source(source, folder / SOURCE)
    _copy_replica(folder, chosen, source, lock)
    (folder / "model_config_map.json").write_text(json.dumps(_map_of(chosen), indent=2), "utf-8")
    lines = [docker.dockerfile.rstrip(), *_own_lines(chosen, source, spec.variables, _extra_lines(config))]
    (folder / "Dockerfile").write_text("\n".join([*lines, ""]), "utf-8")
    return Context([model.id for model in chosen], environment)


def _resolved(
    workspace: Workspace, environment: Optional[Environment], models: List[Model]
) -> Tuple[Lock, EnvironmentSpec]:
    """The exact packages: of the environment, else those that the first model was trained with."""
    from amlet.domain.environment import EnvironmentSpec

    held = workspace._connection
    if environment is not None:
        environment._tell_what_is_left_out()
        spec = environment._to_spec()
    elif models and models[0].lock_id is not None:
        with as_v1(WebserviceException):
            lock: Lock = held.client.environments.lock(held.workspace_id, models[0].lock_id)
        return lock, EnvironmentSpec("model")
    else:
        raise WebserviceException(
            "There is no environment to package: none was given, and the first model's run recorded none.",
            hint="InferenceConfig(entry_script=..., environment=env).",
        )
    return _built(workspace, spec), spec


def _built(workspace: Workspace, spec: EnvironmentSpec) -> Lock:
    from amlet.sdk.environment_build import ImageBuildDetails
    from amlet.wire.environments import BuildEnvironment

    held = workspace._connection
    with as_v1(WebserviceException):
        asked = held.client.environments.build(held.workspace_id, BuildEnvironment(spec))
    details = ImageBuildDetails(held, asked.id)
    details.wait_for_completion(show_output=False)
    state = details._look(0, 0.0)
    if state.lock is None:
        raise WebserviceException(f'Environment "{spec.name}" could not be built: {state.build.error}')
    return state.lock


def _copy_source(source: Optional[Source], target: Path) -> None:
    target.mkdir()
    for entry in source.entries if source is not None else ():
        assert source is not None
        place = target / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(source.sources[entry.sha256][0]), str(place))


def _copy_replica(folder: Path, models: List[Model], source: Optional[Source], lock: Lock) -> None:
    """What answers in the container, and what it is told."""
    from amlet.client.in_job import copy_files, in_job_files

    copy_files(in_job_files(), folder / SDK)
    service = folder / SERVICE
    service.mkdir()
    is_scripted = source is not None
    trained_with = None if is_scripted else lock.version_of("scikit-learn") or models[0].model_framework_version
    ReplicaFile(
        -1,
        model_path="" if is_scripted else _place_of(models),
        source=f"{ROOT}/{SOURCE}",
        entry_script=source.script if source is not None else None,
        overlay=OVERLAY,
        trained_with=trained_with,
        framework=None if is_scripted else models[0].model_framework,
    ).write(service)


def _own_lines(models: List[Model], source: Optional[Source], variables: Dict[str, str], extra: List[str]) -> List[str]:
    needed, welcome = (" ".join(f'"{one}"' for one in group) for group in (NEEDED, WELCOME))
    install = f"pip install --no-cache-dir --target {OVERLAY}"
    settings = {
        **variables,
        "AML_APP_ROOT": ROOT,
        "AZUREML_MODEL_DIR": _place_of(models),
        "PYTHONPATH": f"{ROOT}/{SDK}",
        "PYTHONUNBUFFERED": "1",
    }
    if source is not None:
        settings["AZUREML_ENTRY_SCRIPT"] = source.script
    start = ["python", f"{ROOT}/{SDK}/amlet/runtime/scoring/packaged.py", f"{ROOT}/{SERVICE}"]
    return [
        f"RUN {install} {needed} {welcome} || {install} {needed}",
        *extra,
        *(f"ENV {name}={json.dumps(value)}" for name, value in settings.items()),
        *(f"COPY {name} {ROOT}/{name}" for name in (SDK, MODELS, SOURCE, SERVICE)),
        f"WORKDIR {ROOT}",
        f"EXPOSE {PORT}",
        f"CMD {json.dumps(start)}",
    ]


def _place_of(models: List[Model]) -> str:
    """AZUREML_MODEL_DIR (v1-behaviours 15.18)."""
    if len(models) == 1:
        return f"{ROOT}/{MODELS}/{models[0].name}/{models[0].version}"
    return f"{ROOT}/{MODELS}"


def _map_of(models: List[Model]) -> Dict[str, Any]:
    """v1's file beside the Dockerfile: which models the package holds."""
    return {
        "models": {model.id: {"name": model.name, "version": model.version} for model in models},
        "modelsInfo": {model.name: {"versions": [str(model.version)]} for model in models},
    }


def _extra_lines(config: Optional[InferenceConfig]) -> List[str]:
    if config is None or config.extra_docker_file_steps is None:
        return []
    return config._beside(config.extra_docker_file_steps).read_text("utf-8").splitlines()
