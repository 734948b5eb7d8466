"""What a model refers to: datasets, aliases, who registered it; and the model under v1's keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from amlet.domain.model import STAGES, DatasetUse
from amlet.sdk.exceptions import UserErrorException, WebserviceException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.model import Model
    from amlet.sdk.workspace import Workspace

SCHEME = "models:/"
"""How other registries write a reference: `models:/iris@champion`, `models:/iris/3`, `models:/iris/Production`."""


def user_name() -> str:
    """Who this process runs for, as this machine knows them."""
    for name in ("LOGNAME", "USER", "USERNAME"):
        if os.environ.get(name):
            return os.environ[name][:100]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, AttributeError):
        return "unknown"


def dataset_uses(datasets: Optional[Sequence[Any]]) -> List[DatasetUse]:
    """v1's pairs of a purpose and a dataset; a dataset is whatever has an id, or an id.

    Raises:
        WebserviceException: for what is no pair.
    """
    found = []
    for item in datasets or ():
        if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != 2:
            raise WebserviceException(
                f"datasets must hold pairs of a purpose and a dataset, not {item!r}.",
                hint='datasets=[("training", dataset)].',
            )
        found.append(DatasetUse(str(item[0]), _id_of("datasets", item[1])))
    return found


def sample_id(name: str, dataset: Any) -> Optional[str]:
    """The id of a sample dataset, None of none.

    Raises:
        WebserviceException: for what is no dataset (v1-behaviours 14.10).
    """
    return None if dataset is None else _id_of(name, dataset)


def model_reference(workspace: Workspace, text: str) -> Optional[Tuple[str, Optional[int]]]:
    """The name and version of `iris@champion`, `models:/iris/3`, `models:/iris/Production`; None for other texts.

    Raises:
        WebserviceException: if the model has no such alias or stage.
    """
    bare = text[len(SCHEME) :] if text.startswith(SCHEME) else text
    name, mark, alias = bare.rpartition("@")
    if not mark and text.startswith(SCHEME):
        name, mark, alias = bare.rpartition("/")
        if mark and alias.isdigit():
            return name, int(alias)
        if mark and alias == "latest":
            return name, None
    if not mark or not name:
        return None
    return name, _version_of(workspace, name, alias)


def serialize(model: Model) -> Dict[str, Any]:
    """The model under v1's keys."""
    resources = model.resource_configuration
    return {
        "createdTime": str(model.created_time),
        "createdBy": {"userName": model.created_by},
        "datasets": [{"name": name, "id": one} for name, ids in model.datasets.items() for one in ids],
        "description": model.description,
        "experimentName": model.experiment_name,
        "framework": model.model_framework,
        "frameworkVersion": model.model_framework_version,
        "id": model.id,
        "name": model.name,
        "parentId": model.parent_id,
        "properties": model.properties,
        "resourceConfiguration": resources.serialize() if resources else None,
        "runId": model.run_id,
        "sampleInputDatasetId": model.sample_input_dataset,
        "sampleOutputDatasetId": model.sample_output_dataset,
        "tags": model.tags,
        "url": model.url,
        "version": model.version,
    }


def _version_of(workspace: Workspace, name: str, alias: str) -> int:
    from amlet.wire.models import ModelQuery

    held = workspace._connection
    with as_v1(WebserviceException):
        if alias in STAGES:
            for record in held.client.models.list(held.workspace_id, ModelQuery(name)).models:
                if record.stage == alias:
                    return int(record.version)
        aliases = {one.alias: one.version for one in held.client.models.aliases(held.workspace_id, name).aliases}
    if alias not in aliases:
        from amlet.base.names import closest

        listed = ", ".join(sorted(aliases)) or "none"
        raise WebserviceException(
            f"ModelNotFound: Model with name {name} has no alias or stage {alias!r}.",
            hint=f"{closest(alias, list(aliases))}its aliases: {listed}.",
        )
    return int(aliases[alias])


def _id_of(name: str, dataset: Any) -> str:
    found = dataset if isinstance(dataset, str) else getattr(dataset, "id", None)
    if not isinstance(found, str) or not found:
        if found is None and hasattr(dataset, "id"):
            raise UserErrorException(
                f"{name}: the dataset has no id yet.", hint="dataset.register(ws, name) gives one."
            )
        raise WebserviceException(f"{name}: {type(dataset).__name__} is no TabularDataset or FileDataset.")
    return found
