"""What a dataset is made of: datastore paths, URLs and local paths, as v1's users write them (v1-behaviours 13.1)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional
from urllib.parse import parse_qs, unquote, urlsplit

from amlet.domain.data import AZURE_BLOB, AZURE_DATA_LAKE_GEN2, AZURE_FILE, DataPath, clean_path, is_glob
from amlet.sdk.exceptions import UserErrorException

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

LOCAL = "file://"
"""How the path of a file of this machine begins, as long as it lies on no datastore."""

WEB = ("http://", "https://")
_AZURE = re.compile(r"(?:wasbs?|abfss?|adl)://", re.IGNORECASE)
_AZURE_HOST = re.compile(r"[^/@]+\.(?:blob|dfs|file)\.core\.[^/]+\Z|.+\.azuredatalakestore\.net\Z")
_KINDS = (AZURE_BLOB, AZURE_DATA_LAKE_GEN2, AZURE_FILE)
ACCEPTED = "a (datastore, 'path') pair, a DataPath, a DataReference, a URL, a path of this machine, or a list of such"


class Sources(NamedTuple):
    """Where data lies. The workspace is that of its datastores; None for URLs and local paths."""

    paths: List[DataPath]
    workspace: Optional[Workspace] = None

    @property
    def is_local(self) -> bool:
        """Whether some of it is only on this machine."""
        return any(path.datastore is None and path.path.startswith(LOCAL) for path in self.paths)


def read_sources(path: Any) -> Sources:
    """What v1's users give as `path`.

    Raises:
        UserErrorException: it is none of what is accepted, or it mixes URLs with datastores.
    """
    items = path if isinstance(path, list) else [path]
    if not items:
        raise UserErrorException("The path is an empty list.", hint=f"give {ACCEPTED}.")
    found: List[DataPath] = []
    workspaces: List[Workspace] = []
    for item in items:
        found += _read_one(item, workspaces)
    on_datastores = [source for source in found if source.datastore is not None]
    if on_datastores and len(on_datastores) != len(found):
        raise UserErrorException(
            "The path mixes datastores with URLs or local paths.", hint="make a dataset of each kind of its own."
        )
    if len({held._connection.workspace_id for held in workspaces}) > 1:
        raise UserErrorException("The path names datastores of several workspaces.")
    return Sources(found, workspaces[0] if workspaces else None)


def local_place(source: DataPath) -> str:
    """The path of this machine that a local source names."""
    return source.path[len(LOCAL) :]


def resolve_azure(source: DataPath, workspace: Workspace) -> DataPath:
    """The datastore of a workspace that an Azure URL leads to; other sources as they are.

    Raises:
        UserErrorException: no datastore of the workspace is registered for it.
    """
    if source.datastore is not None or not is_azure(source.path):
        return source
    account, container, path = _azure_parts(source.path)
    held = workspace._connection
    for record in held.client.datastores.list(held.workspace_id).datastores:
        settings = record.settings
        if record.kind in _KINDS and (settings.get("account_name"), settings.get("container_name")) == (
            account,
            container,
        ):
            return DataPath(record.name, path)
    raise UserErrorException(
        f"No datastore of workspace {workspace.name!r} is registered for {source.path}.",
        hint=f"Datastore.register_azure_blob_container(ws, name, {container!r}, {account!r}, account_key=...), then "
        f"path=(datastore, {path!r}).",
    )


def is_azure(url: str) -> bool:
    """Whether a URL names something of Azure's storage by a scheme of its own."""
    return _AZURE.match(url) is not None


def _read_one(item: Any, workspaces: List[Workspace]) -> List[DataPath]:
    if isinstance(item, (tuple, list)) and len(item) == 2 and hasattr(item[0], "datastore_type"):
        return _on_datastore(item[0], item[1], workspaces)
    if hasattr(item, "path_on_datastore"):
        store = getattr(item, "datastore", None) or getattr(item, "_datastore", None)
        if store is None:
            raise UserErrorException(f"{item!r} has no datastore.", hint="DataPath(datastore, path) has one.")
        return _on_datastore(store, item.path_on_datastore or "", workspaces)
    if hasattr(item, "datastore_type"):
        return _on_datastore(item, "", workspaces)
    if isinstance(item, (str, os.PathLike)) and str(item).strip():
        return [_of_text(os.fspath(item))]
    raise UserErrorException(f"{item!r} is no path of a dataset.", hint=f"give {ACCEPTED}.")


def _on_datastore(store: Any, path: Any, workspaces: List[Workspace]) -> List[DataPath]:
    paths = path if isinstance(path, list) else [path]
    if not paths or not all(isinstance(one, (str, os.PathLike)) for one in paths):
        raise UserErrorException(f"{path!r} is no path on datastore {store.name!r}.", hint="give a text.")
    workspaces.append(store.workspace)
    found = []
    for one in map(os.fspath, paths):
        if ".." in one.replace("\\", "/").split("/"):
            raise UserErrorException(f"{one!r} leads out of datastore {store.name!r}.")
        found.append(DataPath(store.name, clean_path(one)))
    return found


def _of_text(text: str) -> DataPath:
    if is_azure(text):
        return DataPath(None, text)
    if text.lower().startswith(WEB):
        parts = urlsplit(text)
        if parts.username is not None or parts.password is not None:
            raise UserErrorException(
                f"The URL of {parts.hostname} holds a user's name or password, which would be kept in the dataset.",
                hint="download the file in the script, with run.get_secret(name), or put it on a datastore.",
            )
        if "sig" in parse_qs(parts.query) and _AZURE_HOST.match(parts.hostname or ""):
            raise UserErrorException(
                f"The URL {parts._replace(query='').geturl()} holds a SAS token, which would be kept in the dataset.",
                hint="register the container with it: Datastore.register_azure_blob_container(..., sas_token=...).",
            )
        return DataPath(None, text)
    if text.startswith(LOCAL):
        text = unquote(urlsplit(text).path)
    elif "://" in text:
        raise UserErrorException(f"{text!r} has a scheme that amlet does not read.", hint=f"give {ACCEPTED}.")
    place = os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - the path may be a glob
    if not is_glob(text) and not Path(place).exists():
        raise UserErrorException(
            f"There is no file or folder {place}.",
            hint="a path on a datastore is given as (datastore, 'path'): Dataset.Tabular.from_delimited_files("
            "(ws.get_default_datastore(), 'data/*.csv')).",
        )
    return DataPath(None, LOCAL + place)


def _azure_parts(url: str) -> List[str]:
    """Account, container and path of `wasbs://container@account.blob.core.windows.net/path` and its like."""
    parts = urlsplit(url)
    container, _, host = parts.netloc.rpartition("@")
    return [host.partition(".")[0], unquote(container), clean_path(unquote(parts.path))]
