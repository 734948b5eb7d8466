"""Where a model's files are on this machine: in a service, in a job, and elsewhere (v1-behaviours 14.8)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from amlet.sdk.exceptions import ModelNotFoundException, UserErrorException, WebserviceException

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

DOWNLOADS = "azureml-models"
MODELS_DIR = os.path.join(os.environ.get("AML_APP_ROOT", "/var/azureml-app"), DOWNLOADS)  # noqa: PTH118
"""Where v1's images had their models; `AZUREML_MODEL_DIR` is where a service has them."""
MODEL_DIR = "AZUREML_MODEL_DIR"
"""Set in a service: the folder of its one model, or of all its models (v1-behaviours 15.18)."""


def model_path(model_name: str, version: Optional[int], workspace: Optional[Workspace]) -> str:
    """See `Model.get_model_path`.

    Raises:
        WebserviceException: if `version` is no int.
        ModelNotFoundException: if the model is found nowhere.
    """
    from amlet.runtime.job import JobContext
    from amlet.sdk.model import Model
    from amlet.sdk.workspace import Workspace

    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise WebserviceException(f"version must be an int, not {version!r}.")
    context = JobContext.current()
    served = os.environ.get(MODEL_DIR)
    if served and workspace is None and context is None:
        return _in_service(Path(served), model_name, version)
    if workspace is None and context is not None:
        workspace = Workspace(context.subscription_id, context.resource_group, context.workspace_name)
    if workspace is None:
        if Path(model_name).exists():
            return model_name
        try:
            workspace = Workspace.from_config()
        except UserErrorException as error:
            raise ModelNotFoundException(
                f"Model {model_name} is not in this folder, nor is there a workspace to look in.", hint=error.hint
            ) from error
    try:
        model = Model(workspace, name=model_name, version=version)
    except WebserviceException as error:
        raise ModelNotFoundException(error.message, hint=error.hint) from error
    return model.download(os.path.join(DOWNLOADS, model.name, str(model.version)), exist_ok=True)  # noqa: PTH118


def _in_service(served: Path, name: str, version: Optional[int]) -> str:
    """`azureml-models/<name>/<version>/<single entry>`; with several entries the folder that holds them."""
    for root in (served, served.parent.parent):
        folder = root / name
        numbers = (
            sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()) if folder.is_dir() else []
        )
        if not numbers or (version is not None and version not in numbers):
            continue
        chosen = folder / str(numbers[-1] if version is None else version)
        entries = list(chosen.iterdir())
        return str(entries[0] if len(entries) == 1 else chosen)
    asked = name if version is None else f"{name}:{version}"
    raise ModelNotFoundException(
        f"Model {asked} is not among those that this service was deployed with.",
        hint="name it in Model.deploy's models; `os.environ['AZUREML_MODEL_DIR']` is where they lie.",
    )
