"""Growing log files, by number: the records know how long each is."""

from __future__ import annotations

import os
from pathlib import Path

from amlet.base.errors import StorageFailed
from amlet.base.paths import owner_only


class LogFolder:
    """Log files below one folder. Safe from any thread; two writers of one log must not overlap.

    The records hold each log's true size: bytes are written here first, so that after a crash a file may be longer
    than its record says, and the next write goes over what was not acknowledged.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, number: int, offset: int, data: bytes) -> None:
        """Write bytes at an offset. Raises StorageFailed that names the file."""
        path = self._path(number)
        try:
            owner_only(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                view = memoryview(data)
                while view:
                    written = os.pwrite(descriptor, view, offset)
                    view, offset = view[written:], offset + written
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageFailed.from_os_error(error, path) from error

    def read(self, number: int, offset: int, size_bytes: int) -> bytes:
        """Up to so many bytes from an offset; nothing for a log without bytes."""
        try:
            with self._path(number).open("rb") as file:
                file.seek(offset)
                return file.read(size_bytes)
        except FileNotFoundError:
            return b""

    def append(self, number: int, data: bytes, *, limit_bytes: int = 64 << 20) -> None:
        """Append to a log whose size no record keeps (a service's). Beyond the limit its older half goes."""
        path = self._path(number)
        try:
            owner_only(path.parent)
            with path.open("ab") as file:
                file.write(data)
                size = file.tell()
            if size > limit_bytes:
                _keep_newest(path, limit_bytes // 2)
        except OSError as error:
            raise StorageFailed.from_os_error(error, path) from error

    def size(self, number: int) -> int:
        """How many bytes a log has whose size no record keeps; 0 when nothing was written."""
        try:
            return self._path(number).stat().st_size
        except FileNotFoundError:
            return 0

    def tail(self, number: int, lines: int, limit_bytes: int = 8 << 20) -> bytes:
        """The last lines of a log, at most `limit_bytes` of them."""
        path = self._path(number)
        if not path.exists():
            return b""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - limit_bytes))
            return b"".join(file.read().splitlines(keepends=True)[-lines:])

    def remove(self, number: int) -> None:
        """Delete a log; one that is not there is no error."""
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._root / f"{number % 256:02x}" / f"{number}.log"


def _keep_newest(path: Path, size_bytes: int) -> None:
    """Leave the last lines of a file that fit into so many bytes."""
    with path.open("rb") as file:
        file.seek(-size_bytes, os.SEEK_END)
        kept = file.read()
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(kept[kept.find(b"\n") + 1 :])
    partial.chmod(0o600)
    partial.replace(path)
