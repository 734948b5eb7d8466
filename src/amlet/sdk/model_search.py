"""Models looked for: by name, id or alias, with v1's filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from amlet.domain import model as records
from amlet.sdk.exceptions import WebserviceException, as_v1
from amlet.sdk.filters import has_all
from amlet.sdk.model_links import model_reference

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


def name_and_version(
    workspace: Workspace, name: Optional[str], id: Optional[str], version: Optional[int]
) -> Tuple[str, Optional[int]]:
    if not id:
        return str(name), version
    own_name, mark, number = id.rpartition(":")
    if mark and number.isdigit():
        return own_name, int(number)
    named = model_reference(workspace, id)
    if named is None:
        raise WebserviceException(
            f"{id!r} is no id of a model.", hint="an id is `<name>:<version>`, or `<name>@<alias>`."
        )
    return named


def find_records(
    workspace: Workspace,
    name: Optional[str],
    version: Optional[int],
    run_id: Optional[str],
    framework: Optional[str],
    tags: Optional[Sequence[Any]],
    properties: Optional[Sequence[Any]],
    *,
    latest: bool = False,
    dataset_id: Optional[str] = None,
) -> List[records.Model]:
    from amlet.wire.models import ModelQuery

    held = workspace._connection
    query = ModelQuery(name, None if version is None else int(version), run_id, framework, latest, dataset_id)
    with as_v1(WebserviceException):
        found = held.client.models.list(held.workspace_id, query).models
    return [record for record in found if has_all(record.tags, tags) and has_all(record.properties, properties)]


def not_found(workspace: Workspace, name: str, version: Optional[int]) -> WebserviceException:
    from amlet.base.names import closest

    known = sorted({record.name for record in find_records(workspace, None, None, None, None, None, None, latest=True)})
    told = f"ModelNotFound: Model with name {name}" + (f" and version {version}" if version is not None else "")
    listed = "it has: " + ", ".join(known[:10]) + "." if known else "it has no models yet."
    return WebserviceException(
        f"{told} is not in workspace {workspace.name}.",
        hint=("" if name in known else closest(name, known)) + listed,
    )
