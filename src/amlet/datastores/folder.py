"""A folder of the server's machine as a datastore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from amlet.base.errors import InvalidInput, StorageFailed
from amlet.base.paths import Home, owner_only
from amlet.client.data_folder import DataFolder
from amlet.client.datastore_files import READ_ONLY, place_of
from amlet.datastores.base import OpenFile
from amlet.domain.data import DataFile, LocalPlace


class FolderStore:
    """Files below a folder.

    Args:
        own: The folder is the server's own: it is made on first use, and its files are read-only.
    """

    def __init__(self, root: Path, *, own: bool = False) -> None:
        self._root = root
        self._own = own
        self._mode = READ_ONLY if own else 0o644
        if own:
            owner_only(root)

    @property
    def place(self) -> LocalPlace:
        """Where it is, for those on the same machine.

        Raises:
            StorageFailed: it is gone.
        """
        try:
            return place_of(self._root)
        except OSError as error:
            raise StorageFailed(f"Cannot read {self._root}: {error.strerror}.") from error

    def check(self, *, create: bool) -> None:
        try:
            if create:
                self._root.mkdir(parents=True, exist_ok=True)
            if not self._root.is_dir():
                raise InvalidInput(
                    f"{self._root} is not a folder on the server's machine.",
                    hint="make it, or pass create_if_not_exists=True.",
                )
            next(self._root.iterdir(), None)
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._root) from error

    def list(self, pattern: str = "") -> Iterator[DataFile]:
        return self._folder().list(pattern)

    def stat(self, path: str) -> DataFile | None:
        return self._folder().stat(path)

    def open(self, path: str, offset: int = 0) -> OpenFile:
        stream, held = self._folder().open(path, offset)
        return OpenFile(stream, held.size_bytes, held.version)

    def write(self, path: str, stream: BinaryIO, size_bytes: int) -> None:  # noqa: ARG002
        self._folder().write(path, stream)

    def _folder(self) -> DataFolder:
        """One a call: it is for one thread at a time."""
        return DataFolder(self._root, mode=self._mode)


def check_root(home: Home, path: str) -> Path:
    """A folder that a user names as a datastore.

    Raises:
        InvalidInput: for a relative path, or one that would show the server's own files.
    """
    root = Path(path)
    if not root.is_absolute():
        raise InvalidInput(f"{path[:200]!r} must be an absolute path on the server's machine.")
    real, own = root.resolve(), home.root.resolve()
    if real == own or own in real.parents or real in own.parents:
        raise InvalidInput(f"{path[:200]!r} holds the server's own files, or lies in them.", hint="use another folder.")
    return root
