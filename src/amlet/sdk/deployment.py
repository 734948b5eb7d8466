"""What a deployment is made of: the record that the server keeps, and the files that go along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Sequence

from amlet.domain.deployment import Deployment
from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.inference_config import Source, collect, from_any
from amlet.sdk.notice import say

if TYPE_CHECKING:
    from amlet.sdk.inference_config import InferenceConfig
    from amlet.sdk.model import Model
    from amlet.sdk.workspace import Workspace

SOURCE_FOLDER, SOURCE_EXTRA, SOURCE_IS_WHOLE = "source_folder", "source_extra", "source_is_whole"
"""In `Deployment.details`: where the entry script came from, so that `LocalWebservice.reload` finds it again."""


class Wanted(NamedTuple):
    """A deployment, and the files of its entry script when they change."""

    deployment: Deployment
    source: Optional[Source] = None


def with_models(deployment: Deployment, models: Sequence[Model]) -> Deployment:
    """The deployment of these models."""
    return deployment._replace(model_ids=[model.id for model in models])


def with_inference(deployment: Deployment, inference: Any) -> Wanted:
    """The deployment asked through an entry script; unchanged without one.

    Args:
        inference: An InferenceConfig, v1's older ContainerImageConfig, or None.

    Raises:
        WebserviceException: for a script that cannot serve, or anything else in its place.
    """
    config: Optional[InferenceConfig] = from_any(inference)
    if config is None:
        return Wanted(deployment)
    config.validate_configuration()
    config.validation_script_content()
    if config.extra_docker_file_steps is not None:
        say(
            f"extra_docker_file_steps ({config.extra_docker_file_steps}) do nothing to a service, which is a process "
            "here; Model.package adds them to its Dockerfile."
        )
    environment = config._service_environment()
    spec = None
    if environment is not None:
        environment._tell_what_is_left_out()
        try:
            spec = environment._to_spec()
        except (UserErrorException, FileNotFoundError) as error:
            message = error.message if isinstance(error, UserErrorException) else str(error)
            raise WebserviceException(
                f"The environment of the InferenceConfig cannot be used: {message}", hint=getattr(error, "hint", None)
            ) from error
    source = config._collect()
    return Wanted(
        deployment._replace(
            entry_script=source.script,
            source_id="",
            environment=spec,
            details={
                **deployment.details,
                SOURCE_FOLDER: str(source.folder),
                SOURCE_EXTRA: [str(path.resolve()) for path in source.extra],
                SOURCE_IS_WHOLE: source.is_whole,
            },
        ),
        source,
    )


def collected_again(deployment: Deployment) -> Optional[Source]:
    """The entry script's files as they are now, where it came from; None without an entry script.

    Raises:
        WebserviceException: if they are not on this machine any more.
    """
    if deployment.entry_script is None:
        return None
    folder = Path(str(deployment.details.get(SOURCE_FOLDER, "")))
    script = folder / deployment.entry_script
    if SOURCE_FOLDER not in deployment.details or not script.is_file():
        raise WebserviceException(
            f"The entry script is not on this machine: there is no file {script}.",
            hint="pass inference_config=InferenceConfig(...) to update().",
        )
    extra = [Path(path) for path in deployment.details.get(SOURCE_EXTRA, ())]
    return collect(script, folder if deployment.details.get(SOURCE_IS_WHOLE) else None, extra)


def chosen_models(workspace: Workspace, models: Any) -> List[Model]:
    """Models of a deployment: objects, ids (`iris:2`, `iris@champion`), names, or paths, which are registered.

    Raises:
        UserErrorException: for anything else.
        WebserviceException: if there is no such model.
    """
    from amlet.sdk.model import Model

    if isinstance(models, (Model, str, Path)):
        models = [models]
    chosen = []
    for item in models or ():
        if isinstance(item, Model):
            chosen.append(item)
        elif isinstance(item, Path) or (isinstance(item, str) and Path(item).exists()):
            place = Path(item)
            chosen.append(Model.register(workspace, place, place.resolve().name))
        elif isinstance(item, str):
            by_id = ":" in item or "@" in item
            chosen.append(Model(workspace, id=item) if by_id else Model(workspace, name=item))
        else:
            raise UserErrorException(f"models must be models or their ids, not {type(item).__name__}.")
    return chosen
