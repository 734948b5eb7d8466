"""Copies of files: shared extents where the file system can, else through the kernel. Never hard links."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from amlet.base.errors import StorageFailed

_FICLONE = 0x40049409
_SMALL_BYTES = 128 << 10
_CHUNK_BYTES = 64 << 20

_CANNOT = frozenset((errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM))
"""How a file system or a kernel says that it has no such call; `EPERM` is some sandboxes' way."""


class SourceDamaged(Exception):
    """The file to copy is missing, or has not the size it should have."""


class Copier:
    """Copies files, and learns at the first what the file system cannot do. For one thread at a time."""

    def __init__(self) -> None:
        self._can_clone = True
        self._can_copy_range = hasattr(os, "copy_file_range")

    def copy(self, source: Path, target: Path, *, size_bytes: int, mode: int) -> None:
        """Copy a file to a name that is not taken.

        Args:
            size_bytes: What the source must have.
            mode: The permissions of the target, less the umask.

        Raises:
            SourceDamaged: if the source is missing or has another size.
            StorageFailed: if the target cannot be written.
        """
        try:
            reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceDamaged(str(source)) from error
        except OSError as error:
            raise StorageFailed.from_os_error(error, target) from error
        try:
            if os.fstat(reader).st_size != size_bytes:
                raise SourceDamaged(str(source))
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                writer = os.open(target, flags, mode)
                try:
                    self._transfer(reader, writer, size_bytes)
                finally:
                    os.close(writer)
            except OSError as error:
                raise StorageFailed.from_os_error(error, target) from error
        finally:
            os.close(reader)

    def _transfer(self, reader: int, writer: int, size_bytes: int) -> None:
        done = 0
        if size_bytes > _SMALL_BYTES:  # below, one read and one write are quicker than any of the others
            if self._cloned(reader, writer):
                return
            done = self._copied_by_kernel(reader, writer, size_bytes)
        while done < size_bytes:
            chunk = os.pread(reader, min(size_bytes - done, 1 << 20), done)
            if not chunk:
                raise SourceDamaged("it became shorter while it was copied")
            view = memoryview(chunk)
            while view:
                written = os.pwrite(writer, view, done)
                view, done = view[written:], done + written

    def _cloned(self, reader: int, writer: int) -> bool:
        if not self._can_clone:
            return False
        try:
            fcntl.ioctl(writer, _FICLONE, reader)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            self._can_clone = False
        return self._can_clone

    def _copied_by_kernel(self, reader: int, writer: int, size_bytes: int) -> int:
        done = 0
        while self._can_copy_range and done < size_bytes:
            try:
                count = os.copy_file_range(reader, writer, min(size_bytes - done, _CHUNK_BYTES), done, done)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                self._can_copy_range = False
                break
            if not count:
                break  # some file systems answer 0 where they cannot: a plain read tells
            done += count
        return done
