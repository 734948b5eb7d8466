"""Datasets become records of a workspace: what is only on this machine is uploaded first, tables are written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.base.hashing import sha256_bytes, sha256_stream
from amlet.base.ids import uuid4_text
from amlet.domain.data import FILE_DATASET, WORKSPACE_BLOB_STORE, DataPath, DatasetRecord
from amlet.sdk.dataset.sources import Sources, local_place, resolve_azure
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.notice import say

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


def register(
    dataset: Any,
    workspace: Workspace,
    name: str,
    description: Optional[str],
    tags: Dict[str, str],
    *,
    create_new_version: bool,
) -> DatasetRecord:
    """Register a dataset. What can be refused is refused before anything is uploaded."""
    if dataset._brings_data:
        place = DataPath(WORKSPACE_BLOB_STORE, "")
        check(workspace, dataset._kind, place, name, description, tags, create_new_version=create_new_version)
    return _send(dataset, workspace, name, description, tags, create_new_version=create_new_version)


def check(
    workspace: Workspace,
    kind: str,
    place: DataPath,
    name: str,
    description: Optional[str],
    tags: Dict[str, str],
    *,
    create_new_version: bool,
) -> None:
    """Look whether data that is yet to be brought could be registered so.

    Raises:
        UserErrorException: it could not: its name, its tags or its datastore are wrong, or the name is taken.
    """
    from amlet.wire.data import RegisterDataset

    held = workspace._connection
    asked = RegisterDataset(
        kind, [place], {}, _checked(name), description, checked_tags(tags), create_new_version, dry_run=True
    )
    with as_v1():
        held.client.datasets.register(held.workspace_id, asked)


def record_of(dataset: Any, workspace: Workspace) -> DatasetRecord:
    """A dataset's record in that workspace, made where there is none: without a name, only its id leads to it."""
    held = dataset._record
    if held is not None and held.workspace_id == workspace._connection.workspace_id:
        return held  # type: ignore[no-any-return]
    return _send(dataset, workspace, None, None, {}, create_new_version=False)


def _send(
    dataset: Any,
    workspace: Workspace,
    name: Optional[str],
    description: Optional[str],
    tags: Dict[str, str],
    *,
    create_new_version: bool,
) -> DatasetRecord:
    from amlet.wire.data import RegisterDataset

    held = workspace._connection
    _check_workspace(dataset, workspace)
    with as_v1():
        if name is not None:
            _checked(name)
        paths, definition = _placed(dataset, workspace)
        asked = RegisterDataset(
            dataset._kind, paths, definition, name, description, checked_tags(tags), create_new_version, uuid4_text()
        )
        return held.client.datasets.register(held.workspace_id, asked)


def _check_workspace(dataset: Any, workspace: Workspace) -> None:
    own = dataset._sources.workspace
    if own is not None and own._connection.workspace_id != workspace._connection.workspace_id:
        raise UserErrorException(
            f"The dataset's data is on datastores of workspace {own.name!r}, not of {workspace.name!r}.",
            hint=f"register the datastores in {workspace.name!r} too, and define the dataset there.",
        )


def checked_tags(tags: Any) -> Dict[str, str]:
    """Tags as they are kept: numbers become texts.

    Raises:
        UserErrorException: they are no dict of such, with those that are not.
    """
    if not isinstance(tags, dict):
        raise UserErrorException(f"tags={tags!r} is no dict.", hint="such as tags={'purpose': 'training'}.")
    plain = (str, int, float)
    wrong = {key: value for key, value in tags.items() if not isinstance(key, str) or not isinstance(value, plain)}
    if wrong:
        raise UserErrorException(f"The tags {wrong!r} are no texts.", hint="keys and values of tags are texts.")
    return {key: str(value) for key, value in tags.items()}


def _checked(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise UserErrorException(f"name={name!r}: a dataset is registered under a name that is not empty.")
    return name


def _placed(dataset: Any, workspace: Workspace) -> Any:
    """Sources on datastores or behind URLs, and the definition over them."""
    sources: Sources = dataset._sources
    definition: Dict[str, Any] = dict(dataset._definition)
    if definition.get("written"):
        return [_write(dataset, workspace)], {}
    if dataset._kind == FILE_DATASET and definition.get("steps"):
        files = dataset._files()
        if not files:
            raise UserErrorException("The dataset has no file left after its steps.")
        definition.pop("steps")
        sources = Sources([file.source for file in files], sources.workspace)
    if sources.is_local:
        return _upload(sources, workspace), definition
    return [resolve_azure(source, workspace) for source in sources.paths], definition


def _upload(sources: Sources, workspace: Workspace) -> List[DataPath]:
    """The same files on the workspace's default datastore."""
    from amlet.sdk.dataset.files import list_files
    from amlet.sdk.datastore import Datastore
    from amlet.sdk.datastore_files import upload

    files = list_files(sources)
    told = []
    for file in files:
        info = Path(local_place(file.source)).stat()
        told.append([file.source.path, info.st_size, info.st_mtime_ns])
    folder = f"dataset/local/{sha256_bytes(json.dumps(told).encode())[:16]}"
    store = Datastore.get_default(workspace).name
    say(f"{len(files)} files of this machine are uploaded to datastore {store!r}, {folder}")
    upload(workspace, store, [(local_place(file.source), f"{folder}/{file.relative}") for file in files])
    return [DataPath(store, f"{folder}/{files[0].relative}" if len(files) == 1 else folder)]


def _write(dataset: Any, workspace: Workspace) -> DataPath:
    """The file that a table is written to, on the workspace's default datastore: equal tables are one file there."""
    from amlet.sdk.datastore import Datastore
    from amlet.sdk.datastore_files import upload

    store = Datastore.get_default(workspace).name
    with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
        place = dataset._write_to(Path(folder))
        with place.open("rb") as stream:
            sha256, _ = sha256_stream(stream)
        path = f"dataset/written/{sha256[:32]}"
        upload(workspace, store, [(place, f"{path}/{place.name}")])
    return DataPath(store, path)
