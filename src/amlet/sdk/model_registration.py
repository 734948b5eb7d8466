"""Registering models: v1's checks, the files that go along, and what is sent (v1-behaviours 14.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, List, Mapping, Optional, Tuple, Type, Union

from amlet.base.errors import NotFound
from amlet.base.names import MODEL
from amlet.domain.model import FRAMEWORKS
from amlet.sdk.exceptions import AzureMLException, WebserviceException, as_v1
from amlet.sdk.local_files import LocalFiles, files_below
from amlet.sdk.notice import say, warn

if TYPE_CHECKING:
    from amlet.sdk.model import Model
    from amlet.sdk.workspace import Workspace
    from amlet.wire.models import RegisterModel


def files_of_model(path: Path, child_paths: Optional[List[str]]) -> LocalFiles:
    """The files that make a model.

    Args:
        path: A file, or a folder.
        child_paths: Only these files of the folder.

    Raises:
        FileNotFoundError: if there is no such path.
        WebserviceException: if there are no files.
    """
    place = path.absolute()
    if not place.exists():
        raise FileNotFoundError(f"Error, provided model path does not exist: {place}")
    if Path.cwd() not in place.resolve().parents:
        say(f"{place} is outside this folder, which v1 refuses; it is registered all the same.")
    files = files_below(place, place.name)
    entries = files.entries
    if child_paths is not None:
        wanted = {f"{place.name}/{Path(child).as_posix()}" for child in child_paths}
        entries = [entry for entry in entries if entry.path in wanted]
        lost = sorted(wanted - {entry.path for entry in entries})
        if lost:
            raise FileNotFoundError(f"Error, provided child paths do not exist in {place}: {', '.join(lost)}")
    if not entries:
        raise WebserviceException(f"{place} holds no files to make a model of.")
    return files._replace(entries=entries)


def check_registration(asked: RegisterModel) -> None:
    """v1's checks before anything is sent.

    Raises:
        WebserviceException: for a bad name or framework.
    """
    if not MODEL.allows(asked.name):
        raise WebserviceException(f"{asked.name!r} cannot be the name of a model: {MODEL.words}.")
    if asked.framework_version is not None and asked.framework is None:
        raise WebserviceException(
            f"model_framework_version {asked.framework_version!r} is given without a model_framework.",
            hint="add model_framework=Model.Framework.SCIKITLEARN.",
        )
    if asked.framework is not None and asked.framework not in FRAMEWORKS:
        raise WebserviceException(f"model_framework {asked.framework!r} is none of {', '.join(FRAMEWORKS)}.")


def register(
    workspace: Workspace,
    asked: RegisterModel,
    sources: Mapping[str, Tuple[Union[str, Path], int]],
    *,
    missing: Type[AzureMLException] = WebserviceException,
) -> Model:
    """Send what is missing and register.

    Args:
        missing: What to raise when the run has no such file.
    """
    from amlet.client.uploads import submit_with_blobs
    from amlet.sdk.model import Model

    print(f"Registering model {asked.name}", flush=True)
    held = workspace._connection
    with as_v1(WebserviceException):
        try:
            answer = submit_with_blobs(
                lambda: held.client.models.register(held.workspace_id, asked),
                held.client,
                held.workspace_id,
                dict(sources),
            )
        except NotFound as error:
            raise missing(error.message, hint=error.hint) from error
    for note in answer.notes:
        warn(note)
    return Model(workspace, _record=answer.model)
