"""What the journals of a run could not write: counted in a file whose space was taken before the disk was full.

Whoever starts a run makes the file; every process that logs to the run adds to it in place, which needs no space. So
the count outlives a process that is killed, and is there when not even `result.json` could be written.
"""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Union

FILE_BYTES = 4096
"""One block, written whole from the start."""

SUFFIX = ".lost"


class Losses(NamedTuple):
    """How many values were lost, and why the first of them was."""

    values: int
    reason: str

    @property
    def sentence(self) -> str:
        """For the run's warnings."""
        told = "1 value was" if self.values == 1 else f"{self.values:,} values were"
        return f"{told} lost: the journal could not be written ({self.reason})."


def reserve(journals: Union[str, os.PathLike[str]]) -> None:
    """Make the file for a folder of journals, or keep the one that is there.

    Raises:
        OSError: there is no space for it.
    """
    try:
        handle = os.open(_place(journals), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb", buffering=0) as file:
        file.write(bytes(FILE_BYTES))


def add(journals: Union[str, os.PathLike[str]], count: int, reason: str) -> bool:
    """Count lost values, of any process. Never waits.

    Returns:
        Whether they are counted: not while another process counts its own, nor where no file was made.
    """
    import fcntl

    try:
        handle = os.open(_place(journals), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = _read(os.pread(handle, FILE_BYTES, 0))
        total = Losses(count, reason) if held is None else held._replace(values=held.values + count)
        line = f"{total.values} {total.reason}\n".encode("utf-8", "replace")[: FILE_BYTES - 1]
        return os.pwrite(handle, line, 0) == len(line)
    except OSError:
        return False
    finally:
        os.close(handle)


def losses_of(journals: Union[str, os.PathLike[str]]) -> Optional[Losses]:
    """What was lost; None when nothing was, or nobody counted."""
    try:
        with open(_place(journals), "rb") as file:  # noqa: PTH123
            return _read(file.read(FILE_BYTES))
    except OSError:
        return None


def _place(journals: Union[str, os.PathLike[str]]) -> str:
    return os.fspath(journals).rstrip("/") + SUFFIX


def _read(content: bytes) -> Optional[Losses]:
    count, _, reason = content.partition(b"\n")[0].strip(b"\0").partition(b" ")
    return Losses(int(count), reason.decode("utf-8", "replace")) if count.isdigit() else None
