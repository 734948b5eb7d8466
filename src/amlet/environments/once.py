"""A folder that is made once, by one of all who ask for it, and is seen only when it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from amlet.base.errors import StorageFailed

MARKER = ".amlet-complete"
"""Written last into a folder; one without it is never used. Its time is the folder's last use."""

NOTED_S = 60.0
"""A use is noted when the last one was noted so long ago: a find costs no write, as a rule."""

_LOOK_S = 0.05


def is_whole(folder: Path) -> bool:
    """Whether the folder was made to its end."""
    return (folder / MARKER).is_file()


def make_once(
    folder: Path,
    make: Callable[[Path], None],
    log: Callable[[str], None],
    *,
    usable: Callable[[Path], bool] = is_whole,
    in_place: bool = False,
    while_waiting: Callable[[], None] = lambda: None,
) -> bool:
    """Make a folder unless it is there; of many threads and processes one makes it and the others wait.

    The content is made under another name and renamed, so that whoever is killed in the middle leaves nothing that
    could be taken for it; the next one clears that away.

    Args:
        folder: Where it shall be.
        make: Fills the empty folder that it is given.
        log: Told when another one is at work.
        usable: Whether what is there can be used as it is.
        in_place: Make it under its own name, for content that says where it lies; it is whole once it has its marker.
        while_waiting: Called again and again while another one makes it, and once when that one is done.

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
        with _alone(folder, log, while_waiting):
            if usable(folder):
                return False
            for leftover in folder.parent.glob(f".{folder.name}.*.part"):
                shutil.rmtree(leftover, ignore_errors=True)
            part = folder if in_place else folder.parent / f".{folder.name}.{os.urandom(4).hex()}.part"
            if in_place:
                shutil.rmtree(folder, ignore_errors=True)
            part.mkdir()
            try:
                make(part)
                _mark(part)
                if not in_place:
                    if folder.exists():
                        shutil.rmtree(folder)
                    part.rename(folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    except OSError as error:
        raise StorageFailed.from_os_error(error, error.filename or folder) from error
    return True


def note_use(folder: Path) -> None:
    """Note that a whole folder is used now."""
    marker = folder / MARKER
    with contextlib.suppress(OSError):  # gone, or on a disk that takes no writes
        if abs(time.time() - marker.stat().st_mtime) > NOTED_S:
            os.utime(marker)


@contextlib.contextmanager
def held_alone(folder: Path) -> Iterator[bool]:
    """Keep others from making the folder; False when somebody is at work on it."""
    descriptor = _lock_file(folder)
    try:
        yield _try_lock(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _alone(folder: Path, log: Callable[[str], None], while_waiting: Callable[[], None]) -> Iterator[None]:
    descriptor = _lock_file(folder)
    try:
        if not _try_lock(descriptor):
            log(f"Another run is making {folder.name}: waiting for it.")
            while not _try_lock(descriptor):
                while_waiting()
                time.sleep(_LOOK_S)
            while_waiting()
        yield
    finally:
        os.close(descriptor)


def _lock_file(folder: Path) -> int:
    # The kernel lets go of the lock when its holder dies, however it dies. The file stays: whoever removed it could
    # leave two holders with a lock each.
    return os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _mark(folder: Path) -> None:
    descriptor = os.open(folder / MARKER, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
