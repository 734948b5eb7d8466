"""The last part of a run's log as text, and the byte from which a browser goes on reading."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from amlet.base.errors import AmletError
from amlet.domain.artifact import BlobLocation
from amlet.server.context import Parts
from amlet.store.base import FileRecord

TAIL_BYTES = 64 << 10

_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_LINE_ENDS = re.compile(r"\r+\n|\r")


class Tail(NamedTuple):
    """The end of a log. `offset` is the number of the first byte that is not in it."""

    path: str
    text: str
    offset: int
    cut: bool
    """Whether there is more before it."""
    exists: bool


def no_tail(path: str) -> Tail:
    """The tail of a log that is not there yet."""
    return Tail(path, "", 0, cut=False, exists=False)


def read_tail(parts: Parts, file: FileRecord, location: BlobLocation | None) -> Tail:
    """Read the last TAIL_BYTES. A log that cannot be read says so in its place: the rest of the page stands. Blocks."""
    start = max(0, file.size_bytes - TAIL_BYTES)
    try:
        if file.log is not None:
            data = parts.logs.read(file.log, start, file.size_bytes - start)
        elif location is not None:
            with parts.blobs.open(location) as opened:
                opened.seek(start)
                data = opened.read(TAIL_BYTES)
        else:
            data = b""
    except (AmletError, OSError) as error:
        return Tail(file.path, str(error), file.size_bytes, cut=False, exists=True)
    text, used = tail_text(data, cut=start > 0)
    return Tail(file.path, text, start + used, start > 0, exists=True)


def tail_text(data: bytes, *, cut: bool) -> tuple[str, int]:
    """Decode a part of a log.

    Args:
        data: The bytes.
        cut: Whether they begin amid the log: the first line, likely torn, is left out then.

    Returns:
        The text without colour codes, and how many bytes it stands for: a character torn at the end is not among them.
    """
    begin = data.find(b"\n") + 1 if cut else 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data[begin:])
    torn, _ = decoder.getstate()
    return _LINE_ENDS.sub("\n", _COLOURS.sub("", text)), len(data) - len(torn)
