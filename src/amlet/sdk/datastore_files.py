"""The one way by which SDK code lists, opens and brings files of a workspace's datastores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence, Tuple, Union

from amlet.sdk.exceptions import as_v1

if TYPE_CHECKING:
    from amlet.client.datastore_files import DatastoreFiles, Uploaded
    from amlet.domain.data import DataFile
    from amlet.sdk.workspace import Workspace


def files_of(workspace: Workspace) -> DatastoreFiles:
    """The files of the workspace's datastores. Opens the connection on first use."""
    from amlet.base.paths import Home
    from amlet.client.datastore_files import DatastoreFiles

    held = workspace._connection
    return DatastoreFiles(held.client, held.workspace_id, Home.find().data)


def list_files(workspace: Workspace, datastore: str, pattern: str = "") -> List[DataFile]:
    """The files that a path, a folder or a glob names, by path.

    Raises:
        UserErrorException: there is no such datastore, or no such file.
    """
    from amlet.client.datastore_files import nothing_there

    with as_v1():
        found = list(files_of(workspace).list(datastore, pattern))
        if not found:
            raise nothing_there(datastore, pattern)
    return found


def open_local(workspace: Workspace, datastore: str, file: Union[DataFile, str]) -> Path:
    """Where a file's content is on this machine, to be read and never written.

    Its own place where the datastore is a folder that this process sees, else a copy in a cache by content version.
    """
    return open_all(workspace, datastore, [file])[0]


def open_all(workspace: Workspace, datastore: str, files: Sequence[Union[DataFile, str]]) -> List[Path]:
    """`open_local` of several, fetched side by side, in their order."""
    found: List[DataFile] = []
    for file in files:
        found += list_files(workspace, datastore, file) if isinstance(file, str) else [file]
    with as_v1():
        return files_of(workspace).open_all(datastore, found)


def download_all(workspace: Workspace, datastore: str, pairs: Sequence[Tuple[DataFile, Path]]) -> None:
    """Copy files of a datastore to places here, several at a time; each is whole under its name or not there."""
    with as_v1():
        files_of(workspace).download_all(datastore, [file for file, _ in pairs], [place for _, place in pairs])


def upload(
    workspace: Workspace,
    datastore: str,
    files: Sequence[tuple[Union[str, Path], str]],
    *,
    overwrite: bool = False,
    told: Any = None,
    progress: Any = None,
    skipped: Any = None,
) -> Uploaded:
    """Bring files of this machine's to a datastore.

    Args:
        files: Pairs of a file here and its path there.
        overwrite: Take the place of what is there; else it stays, and is told as skipped.
        told: Called with the path of each file that is written.
        progress: Called with bytes sent and bytes in all.
        skipped: Called with the path of each file that was there and stays.
    """
    from amlet.client.datastore_files import ToUpload

    with as_v1():
        return files_of(workspace).upload(
            datastore,
            [ToUpload(source, path) for source, path in files],
            overwrite=overwrite,
            told=told,
            progress=progress,
            on_skip=skipped,
        )


def query(
    workspace: Workspace, datastore: str, text: str, *, timeout_s: float = 30.0, limit: Optional[int] = None
) -> Iterator[List[Any]]:
    """Ask a database: first its columns as [name, type], then a row each; see `wire.data.Column` for the values."""
    from amlet.wire.data import QueryDatabase, read_query_lines

    held = workspace._connection
    with as_v1():
        asked = QueryDatabase(text, timeout_s, limit)
        with held.client.datastores.query(held.workspace_id, datastore, asked) as body:
            yield from read_query_lines(body.chunks())
