"""Files of a workspace's datastores, from wherever this process is.

A folder on this very machine is read and written in place. All else goes through the server, which alone holds
credentials: up as blobs, down into a cache by content version.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from amlet.base.errors import NotFound
from amlet.base.hashing import sha256_bytes, sha256_stream
from amlet.base.ids import uuid4_text
from amlet.base.machine import boot_id
from amlet.base.paths import owner_only
from amlet.client.data_folder import DataFolder
from amlet.domain.artifact import Entry
from amlet.domain.data import WORKSPACE_STORES, DataFile, LocalPlace, clean_path, is_glob

if TYPE_CHECKING:
    from amlet.client.body import Body
    from amlet.client.connection import Client
    from amlet.client.uploads import Sources
    from amlet.wire.data import DatastoreState

PARALLEL = 4
"""How many files are under way at a time."""

BATCH_FILES = 500
BATCH_BYTES = 256 << 20
"""About how much one call brings to a datastore."""

READ_ONLY = 0o444
UNUSED_S = 30 * 24 * 3600.0
"""Files of the cache that nobody asked for so long are removed: no run goes on for longer."""

Told = Callable[[str], None]
"""The path of each file that is through; called by one thread at a time."""


class ToUpload(NamedTuple):
    """A file of this machine's, and the path it is to have on a datastore."""

    source: Union[str, Path]
    path: str


class Uploaded(NamedTuple):
    """Paths that were written, and those that were there and stayed."""

    written: List[str]
    skipped: List[str]


class DatastoreFiles:
    """The files of a workspace's datastores. Safe from any thread.

    Args:
        cache: Where files of datastores elsewhere are kept.
    """

    def __init__(self, client: Client, workspace_id: str, cache: Path) -> None:
        self._client = client
        self._workspace_id = workspace_id
        self.cache = cache
        self._states: Dict[str, DatastoreState] = {}

    def state(self, datastore: str) -> DatastoreState:
        """The datastore's record, asked for once.

        Raises:
            NotFound: there is none of that name.
        """
        if datastore not in self._states:
            self._states[datastore] = self._client.datastores.get(self._workspace_id, datastore)
        return self._states[datastore]

    def folder(self, datastore: str) -> Optional[DataFolder]:
        """The datastore's own folder, where it is one that this process sees."""
        place = self.state(datastore).place
        if place is None or not sees(place):
            return None
        return DataFolder(Path(place.path), mode=READ_ONLY if datastore in WORKSPACE_STORES else 0o644)

    def list(self, datastore: str, pattern: str = "") -> Iterator[DataFile]:
        """The files of a path, a folder or a glob, by path."""
        from amlet.wire.data import DataFilesQuery

        folder = self.folder(datastore)
        if folder is not None:
            return folder.list(pattern)
        query = DataFilesQuery(clean_path(pattern))
        return _lines(self._client.datastores.files(self._workspace_id, datastore, query))

    def open_local(self, datastore: str, file: DataFile) -> Path:
        """Where the file's content is on this machine, to be read and never written: its own place, or a copy in the
        cache, which is fetched when it is not there.

        Raises:
            NotFound: the file is gone.
            Unavailable: the store or the server went away; nothing half is left.
        """
        folder = self.folder(datastore)
        if folder is not None:
            return folder.find(file.path)
        key = sha256_bytes(f"{self._workspace_id}\n{datastore}\n{file.path}\n{file.version}".encode())
        place = self.cache / key[:2] / key[2:] / file.path.rpartition("/")[2]
        try:
            os.utime(place)
        except FileNotFoundError:
            owner_only(place.parent)
            # That very version: the cache tells contents apart by it.
            self._fetch(datastore, file, place, version=file.version)
            place.chmod(READ_ONLY)
        return place

    def open_all(self, datastore: str, files: Sequence[DataFile], told: Optional[Told] = None) -> List[Path]:
        """`open_local` of several at a time, in their order."""

        def fetch(file: DataFile) -> Path:
            return self.open_local(datastore, file)

        return [place for file, place in _parallel(fetch, files, told)]

    def download(self, datastore: str, file: DataFile, target: Path) -> None:
        """Make a copy of a file of its own, whole under its name or not there; goes on after a break.

        Raises:
            Conflict: the file was changed after a break.
        """
        folder = self.folder(datastore)
        if folder is not None:
            source = folder.find(file.path)
            if not source.is_file():
                raise NotFound(f'Datastore "{datastore}" has no file {file.path!r} any more.')
            DataFolder(target.parent).copy_in(source, target.name, overwrite=True)
            return
        self._fetch(datastore, file, target)

    def download_all(
        self, datastore: str, files: Sequence[DataFile], targets: Sequence[Path], told: Optional[Told] = None
    ) -> None:
        """`download` of several at a time."""
        by_path = {file.path: target for file, target in zip(files, targets)}

        def fetch(file: DataFile) -> None:
            self.download(datastore, file, by_path[file.path])

        for _ in _parallel(fetch, files, told):
            pass

    def upload(
        self,
        datastore: str,
        files: Sequence[ToUpload],
        *,
        overwrite: bool = False,
        told: Optional[Told] = None,
        progress: Optional[Callable[[int, int], None]] = None,
        on_skip: Optional[Callable[[str], None]] = None,
    ) -> Uploaded:
        """Bring files of this machine's to a datastore, each whole under its final name or not there.

        What was brought before a break is not sent again.

        Args:
            overwrite: Take the place of what is there; else it stays.
            told: Called for each file that is written.
            on_skip: Called for each that was there and stays.
            progress: Called with bytes sent and bytes in all, of a batch.
        """
        folder = self.folder(datastore)
        if folder is not None and os.access(folder.root, os.W_OK):
            return _copied(folder, files, overwrite=overwrite, told=told, on_skip=on_skip)
        done = Uploaded([], [])
        for batch in _batches(files):
            skipped = self._send(datastore, batch, overwrite=overwrite, progress=progress)
            for file in batch:
                path = clean_path(file.path)
                _note(done, path, written=path not in skipped, told=told, on_skip=on_skip)
        return done

    def _fetch(self, datastore: str, file: DataFile, target: Path, *, version: str = "") -> None:
        """Download a file through the server.

        Args:
            version: The one that is wanted. Without it that which is found at first, to its end.
        """
        from amlet.client.downloads import download
        from amlet.wire.files import FileQuery

        wanted = version

        def opened(offset: int) -> Body:
            nonlocal wanted
            body = self._client.datastores.file(
                self._workspace_id, datastore, FileQuery(file.path, offset, wanted if offset else version)
            )
            wanted = body.version
            return body

        download(opened, target)

    def _send(self, datastore: str, batch: Sequence[ToUpload], *, overwrite: bool, progress: Any) -> List[str]:
        from amlet.client.uploads import submit_with_blobs
        from amlet.wire.data import PutDataAnswer, PutDataFiles

        entries: List[Entry] = []
        sources: Sources = {}
        for file in batch:
            with Path(file.source).open("rb") as stream:
                sha256, size = sha256_stream(stream)
            entries.append(Entry(clean_path(file.path), sha256, size))
            sources[sha256] = (Path(file.source), size)
        asked = PutDataFiles(entries, overwrite, uuid4_text())

        def put() -> PutDataAnswer:
            while True:
                answer = self._client.datastores.put_files(self._workspace_id, datastore, asked)
                if not answer.is_pending:
                    return answer

        return submit_with_blobs(
            put,
            self._client,
            self._workspace_id,
            sources,
            progress,
        ).skipped


def sees(place: LocalPlace) -> bool:
    """Whether this process sees that very folder: the same machine, and the same folder under the path."""
    if place.boot_id != boot_id():
        return False
    try:
        info = Path(place.path).stat()
    except OSError:
        return False
    return (info.st_dev, info.st_ino) == (place.device, place.inode) and os.access(place.path, os.R_OK | os.X_OK)


def place_of(folder: Path) -> LocalPlace:
    """What a server tells of a folder of its own."""
    info = folder.stat()
    return LocalPlace(str(folder), boot_id(), info.st_dev, info.st_ino)


def prune(cache: Path, *, now_s: Optional[float] = None) -> int:
    """Remove what nobody asked for in a long time.

    Returns:
        How many bytes that were.
    """
    import shutil

    freed = 0
    oldest = (time.time() if now_s is None else now_s) - UNUSED_S
    for place in cache.glob("*/*/*"):
        try:
            info = place.stat()
        except FileNotFoundError:
            continue  # it went with another of its folder
        if info.st_mtime < oldest:
            freed += info.st_size
            shutil.rmtree(place.parent, ignore_errors=True)
    return freed


def nothing_there(datastore: str, pattern: str) -> NotFound:
    """The error for a path that names no file."""
    what = f"no file matches {pattern!r}" if is_glob(pattern) else f"there is no file or folder {pattern!r}"
    return NotFound(f'On datastore "{datastore}" {what}.', hint="a path is relative to the datastore's root.")


def _lines(body: Body) -> Iterator[DataFile]:
    from amlet.wire.data import read_file_lines

    with body:
        yield from read_file_lines(body.chunks())


def _copied(
    folder: DataFolder,
    files: Sequence[ToUpload],
    *,
    overwrite: bool,
    told: Optional[Told],
    on_skip: Optional[Callable[[str], None]],
) -> Uploaded:
    done = Uploaded([], [])
    for file in files:
        written = folder.copy_in(file.source, file.path, overwrite=overwrite)
        _note(done, file.path, written=written, told=told, on_skip=on_skip)
    return done


def _note(
    done: Uploaded, path: str, *, written: bool, told: Optional[Told], on_skip: Optional[Callable[[str], None]]
) -> None:
    (done.written if written else done.skipped).append(path)
    if written and told is not None:
        told(path)
    elif not written and on_skip is not None:
        on_skip(path)


def _batches(files: Sequence[ToUpload]) -> Iterator[List[ToUpload]]:
    batch: List[ToUpload] = []
    size = 0
    for file in files:
        batch.append(file)
        size += Path(file.source).stat().st_size
        if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _parallel(work: Callable[[DataFile], Any], files: Sequence[DataFile], told: Optional[Told]) -> Iterator[Any]:
    """The results by file, in order. The first error ends it: what has not begun is left."""
    pool = ThreadPoolExecutor(min(PARALLEL, max(1, len(files))), thread_name_prefix="amlet-data")
    try:
        for file, done in [(file, pool.submit(work, file)) for file in files]:
            result = done.result()
            if told is not None:
                told(file.path)
            yield file, result
    finally:
        _shut(pool)


def _shut(pool: ThreadPoolExecutor) -> None:
    import sys

    if sys.version_info >= (3, 9):
        pool.shutdown(wait=True, cancel_futures=True)
    else:
        pool.shutdown(wait=True)
