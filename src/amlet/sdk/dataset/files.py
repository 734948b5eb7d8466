"""The files of a dataset: found on datastores, on this machine or behind URLs, and opened on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from amlet.domain.data import DataFile, DataPath, below, common_root, folder_of, is_glob
from amlet.sdk.dataset.partition_format import PartitionFormat
from amlet.sdk.dataset.sources import LOCAL, Sources, is_azure, local_place, resolve_azure
from amlet.sdk.exceptions import UserErrorException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


class SourceFile(NamedTuple):
    """One file of a dataset."""

    source: DataPath
    """The file itself: its datastore and path, or its URL."""
    relative: str
    """Its path below the folder that all files share, without a slash before it."""
    size_bytes: int
    """-1 where it is not known."""
    held: Optional[DataFile] = None

    @property
    def shown(self) -> str:
        """The file in messages."""
        if self.source.datastore is None:
            return self.source.path[len(LOCAL) :] if self.source.path.startswith(LOCAL) else self.source.path
        return f"{self.source.datastore}:{self.source.path}"

    @property
    def column_path(self) -> str:
        """The file in the column `Path`, and what a partition format is held against."""
        return f"/{self.source.path}" if self.source.datastore is not None else self.shown


def list_files(sources: Sources) -> List[SourceFile]:
    """The files that some sources name, each once, by source and path.

    Raises:
        UserErrorException: a source names none.
    """
    found: List[SourceFile] = []
    seen = set()
    resolved = _resolved(sources)
    for source in resolved:
        for file in _files_of(source, sources.workspace):
            if file.source not in seen:
                seen.add(file.source)
                found.append(file)
    root = _root(resolved, found)
    web = {file.source.path: "" for file in found if _is_web(file)}
    if web:
        from amlet.client.web_files import names_of

        web = dict(zip(web, names_of(list(web))))
    return [file._replace(relative=web.get(file.source.path) or _relative(file, root)) for file in found]


def open_file(file: SourceFile, workspace: Optional[Workspace]) -> Path:
    """`open_files` of one."""
    return open_files([file], workspace)[0]


def open_files(files: Sequence[SourceFile], workspace: Optional[Workspace]) -> List[Path]:
    """Where files' contents are on this machine, in their order, to be read and never written. Those of datastores
    that are elsewhere are fetched several at a time.

    Raises:
        UserErrorException: one is gone, or cannot be fetched.
    """
    found: Dict[DataPath, Path] = {}
    by_store: Dict[str, List[SourceFile]] = {}
    for file in files:
        source = file.source
        if source.datastore is not None:
            by_store.setdefault(source.datastore, []).append(file)
        elif source.path.startswith(LOCAL):
            found[source] = Path(local_place(source))
        else:
            from amlet.base.paths import Home
            from amlet.client.web_files import fetch

            with as_v1():
                found[source] = fetch(source.path, Home.find().data)
    for datastore, some in by_store.items():
        from amlet.sdk.datastore_files import open_all

        assert workspace is not None
        held = [file.held for file in some if file.held is not None]
        found.update(zip([file.source for file in some], open_all(workspace, datastore, held)))
    for file in files:
        if not found[file.source].is_file():
            raise UserErrorException(f"The file {file.shown} is not there any more.")
    return [found[file.source] for file in files]


def local_folder(sources: Sources) -> Optional[Path]:
    """The folder of this machine that is all that the sources name; None where it is not one such folder."""
    if len(sources.paths) != 1 or is_glob(sources.paths[0].path):
        return None
    source = sources.paths[0]
    if source.datastore is None:
        if not source.path.startswith(LOCAL):
            return None
        place = Path(local_place(source))
    else:
        from amlet.sdk.datastore_files import files_of

        assert sources.workspace is not None
        folder = files_of(sources.workspace).folder(source.datastore)
        if folder is None:
            return None
        place = folder.find(source.path) if source.path else folder.root
    return place if place.is_dir() else None


def partition_values(files: Sequence[SourceFile], form: Optional[PartitionFormat]) -> List[Dict[str, Any]]:
    """The values that each file's path tells.

    Raises:
        UserErrorException: a path is not of the format.
    """
    if form is None:
        return [{} for _ in files]
    found = [form.match(file.column_path) for file in files]
    wrong = [file.column_path for file, values in zip(files, found) if values is None]
    if wrong:
        raise UserErrorException(
            f"{len(wrong)} of {len(files)} paths are not as partition_format says, such as {wrong[0]}.",
            hint="the format goes from the first character that it names to the end of the path.",
        )
    return [values for values in found if values is not None]


def _resolved(sources: Sources) -> List[DataPath]:
    if not any(source.datastore is None and is_azure(source.path) for source in sources.paths):
        return sources.paths
    if sources.workspace is None:
        raise UserErrorException(
            f"{next(source.path for source in sources.paths if is_azure(source.path))} is read through a datastore.",
            hint="register its container and use path=(datastore, 'path'), or register the dataset in a workspace "
            "that has the datastore.",
        )
    return [resolve_azure(source, sources.workspace) for source in sources.paths]


def _files_of(source: DataPath, workspace: Optional[Workspace]) -> Iterator[SourceFile]:
    if source.datastore is not None:
        from amlet.sdk.datastore_files import list_files as on_datastore

        assert workspace is not None
        for file in on_datastore(workspace, source.datastore, source.path):
            yield SourceFile(DataPath(source.datastore, file.path), "", file.size_bytes, file)
    elif source.path.startswith(LOCAL):
        yield from _local_files(local_place(source))
    else:
        yield SourceFile(source, "", -1)


def _local_files(place: str) -> Iterator[SourceFile]:
    from amlet.client.data_folder import DataFolder

    root, pattern = Path(place), ""
    if is_glob(place):
        root, pattern = Path("/" + folder_of(place)), below(folder_of(place), place.lstrip("/"))
    elif root.is_file():
        yield SourceFile(DataPath(None, LOCAL + place), "", root.stat().st_size)
        return
    count = 0
    if root.is_dir():
        for file in DataFolder(root).list(pattern):
            count += 1
            yield SourceFile(DataPath(None, LOCAL + os.path.join(str(root), file.path)), "", file.size_bytes)  # noqa: PTH118
    if not count:
        what = f"No file matches {place}." if is_glob(place) else f"There is no file in {place}."
        raise UserErrorException(what)


def _root(sources: Sequence[DataPath], files: Sequence[SourceFile]) -> str:
    """The folder that all files of one kind of place share (v1-behaviours 13.13); URLs share none."""
    kinds = {source.datastore for source in sources}
    if len(kinds) != 1:
        return ""
    if None not in kinds:
        return common_root(sources, [file.source.path for file in files])
    if all(source.path.startswith(LOCAL) for source in sources):
        plain = [DataPath(None, local_place(source).lstrip("/")) for source in sources]
        return common_root(plain, [local_place(file.source).lstrip("/") for file in files])
    return ""


def _relative(file: SourceFile, root: str) -> str:
    if file.source.datastore is not None:
        return below(root, file.source.path)
    return below(root, local_place(file.source).lstrip("/"))


def _is_web(file: SourceFile) -> bool:
    return file.source.datastore is None and not file.source.path.startswith(LOCAL)
