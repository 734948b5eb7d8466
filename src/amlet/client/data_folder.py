"""A folder as a datastore: its files listed, found and written whole. Used by the server and by who sees its disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Iterator, Optional, Tuple, Union

from amlet.base.copying import Copier, SourceDamaged
from amlet.base.errors import InvalidInput, NotFound, StorageFailed
from amlet.base.paths import relative_path
from amlet.domain.data import DataFile, clean_path, folder_of, is_glob, matcher

PARTIAL = ".amlet-"
"""How the names of files begin that are not whole yet: nobody is shown them."""

CHUNK_BYTES = 1 << 20


class DataFolder:
    """Files below a root. No name leads out of it, through links either.

    Args:
        mode: The permissions of files that are written; 0o444 keeps scripts from changing what is mounted.
    """

    def __init__(self, root: Path, *, mode: int = 0o644) -> None:
        self.root = root
        self._mode = mode
        self._copier = Copier()
        self._made: Optional[str] = None
        self._looked_at: Optional[str] = None

    def list(self, pattern: str = "") -> Iterator[DataFile]:
        """The files of a path, a folder or a glob, by path.

        Raises:
            StorageFailed: the disk cannot be read.
        """
        start = folder_of(pattern)
        place = self.find(start) if start else self.root
        if place.is_file():
            if not is_glob(pattern):
                yield _data_file(start, place.stat())
            return
        wanted = matcher(pattern).fullmatch
        try:
            for path, info in _walk(str(place), start):
                if wanted(path):
                    yield _data_file(path, info)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageFailed(f"Cannot read {error.filename or place}: {error.strerror}.") from error

    def find(self, path: str) -> Path:
        """Where a path lies, whether it is there or not.

        Raises:
            InvalidInput: for a path that cannot be, or that a link leads out of the folder.
        """
        place = self.root / relative_path(clean_path(path))
        root = os.path.realpath(self.root)
        real = os.path.realpath(place)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise InvalidInput(f"{path[:200]!r} leads out of the datastore through a link.")
        return place

    def stat(self, path: str) -> Optional[DataFile]:
        """What is known of one file; None when it is not there."""
        try:
            place = self.find(path)
            return _data_file(clean_path(path), place.stat()) if place.is_file() else None
        except OSError as error:
            raise StorageFailed(f"Cannot read {path}: {error.strerror}.") from error

    def open(self, path: str, offset: int = 0) -> Tuple[BinaryIO, DataFile]:
        """The bytes of a file from an offset on, and what it is.

        Raises:
            NotFound: there is none.
        """
        place = self.find(path)
        try:
            stream = place.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound(f"There is no file {path[:200]!r} on the datastore.") from error
        except OSError as error:
            raise StorageFailed(f"Cannot read {place}: {error.strerror}.") from error
        stream.seek(offset)
        return stream, _data_file(path, os.fstat(stream.fileno()))

    def copy_in(self, source: Union[str, Path], path: str, *, overwrite: bool) -> bool:
        """Bring a file of this machine's in, under its final name only when it is whole. For one thread at a time.

        A file of the same size and the same time is taken for the same: it is not copied again.

        Returns:
            False where the path is taken and `overwrite` says that it stays.

        Raises:
            StorageFailed: it cannot be read or written.
        """
        target = self._target(path)
        try:
            info = os.stat(source)
            held = _stat(target)
            if held is not None and not overwrite:
                return False
            if held is not None and (held.st_size, held.st_mtime_ns) == (info.st_size, info.st_mtime_ns):
                return True
            self._make_parent(target)
            partial = f"{target.rpartition('/')[0]}/{PARTIAL}{os.urandom(8).hex()}.part"
            try:
                self._copier.copy(Path(source), Path(partial), size_bytes=info.st_size, mode=self._mode)
                os.utime(partial, ns=(info.st_atime_ns, info.st_mtime_ns))
                os.replace(partial, target)
            except BaseException:
                _remove(partial)
                raise
        except SourceDamaged as error:
            raise StorageFailed(f"{source} changed while it was copied.", hint="copy it again.") from error
        except OSError as error:
            raise StorageFailed.from_os_error(error, error.filename or target) from error
        return True

    def write(self, path: str, stream: BinaryIO) -> None:
        """Write a file whole, in the place of one that is there."""
        target = self._target(path)
        try:
            self._make_parent(target)
            partial = Path(f"{target.rpartition('/')[0]}/{PARTIAL}{os.urandom(8).hex()}.part")
            try:
                with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode), "wb") as file:
                    while chunk := stream.read(CHUNK_BYTES):
                        file.write(chunk)
                partial.replace(target)
            except BaseException:
                _remove(str(partial))
                raise
        except OSError as error:
            raise StorageFailed.from_os_error(error, error.filename or target) from error

    def _target(self, path: str) -> str:
        """A place to write to. Of files of one folder the folder's own place is looked at once; links always are."""
        cleaned = relative_path(clean_path(path))
        target = f"{self.root}/{cleaned}"
        parent = target.rpartition("/")[0]
        if parent != self._looked_at or os.path.islink(target):
            self.find(cleaned)
            self._looked_at = parent
        return target

    def _make_parent(self, target: str) -> None:
        parent = target.rpartition("/")[0]
        if parent != self._made:
            os.makedirs(parent, exist_ok=True)
            self._made = parent


def _walk(folder: str, path: str) -> Iterator[Tuple[str, os.stat_result]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name + "/" * entry.is_dir(follow_symlinks=False))
    for entry in entries:
        if entry.name.startswith(PARTIAL):
            continue
        name = f"{path}/{entry.name}" if path else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, name)
        elif entry.is_file(follow_symlinks=False):
            yield name, entry.stat(follow_symlinks=False)


def _data_file(path: str, info: os.stat_result) -> DataFile:
    return DataFile(path, info.st_size, f"{info.st_mtime_ns:x}-{info.st_size:x}-{info.st_ino:x}")


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _remove(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)
