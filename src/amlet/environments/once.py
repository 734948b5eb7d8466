"""A folder that is made once, by one of all who ask for it, and is seen only when it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from amlet.base.errors import StorageFailed

MARKER = ".amlet-complete"
"""Written last into a folder; one without it is never used."""


def is_whole(folder: Path) -> bool:
    """Whether the folder was made to its end."""
    return (folder / MARKER).is_file()


def make_once(
    folder: Path, make: Callable[[Path], None], log: Callable[[str], None], *, usable: Callable[[Path], bool] = is_whole
) -> bool:
    """Make a folder unless it is there; of many threads and processes one makes it and the others wait.

    The content is made under another name and renamed, so that whoever is killed in the middle leaves nothing that
    could be taken for it; the next one clears that away.

    Args:
        folder: Where it shall be.
        make: Fills the empty folder that it is given.
        log: Told when another one is at work.
        usable: Whether what is there can be used as it is.

    Returns:
        Whether this call made it.

    Raises:
        StorageFailed: The disk is full or read-only.
        Exception: whatever `make` raises; nothing stays behind.
    """
    if usable(folder):
        return False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder, log):
            if usable(folder):
                return False
            for leftover in folder.parent.glob(f".{folder.name}.*.part"):
                shutil.rmtree(leftover, ignore_errors=True)
            part = folder.parent / f".{folder.name}.{os.urandom(4).hex()}.part"
            part.mkdir()
            try:
                make(part)
                _mark(part)
                if folder.exists():
                    shutil.rmtree(folder)
                part.rename(folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    except OSError as error:
        raise StorageFailed.from_os_error(error, error.filename or folder) from error
    return True


@contextlib.contextmanager
def _alone(folder: Path, log: Callable[[str], None]) -> Iterator[None]:
    # The kernel lets go of the lock when its holder dies, however it dies. The file stays: whoever removed it could
    # leave two holders with a lock each.
    descriptor = os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log(f"Another run is making {folder.name}: waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _mark(folder: Path) -> None:
    descriptor = os.open(folder / MARKER, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
