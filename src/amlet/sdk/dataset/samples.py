"""Samples of a text file: all of it, or its beginning and pieces of its middle and end where it is long."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path
from typing import BinaryIO, Iterator

from amlet.sdk.dataset.type_definitions import CODECS, WIDE

PIECE_BYTES = 128 << 10

WHOLE_BYTES = 1 << 20
"""A file up to this is looked at whole."""


def sample_texts(place: Path, encoding: str) -> Iterator[str]:
    """Whole lines of a file: all of them, or those of three pieces, the first from its beginning.

    Raises:
        UnicodeError: it is no text of that encoding.
    """
    if place.name.endswith(".gz"):
        with gzip.open(place, "rb") as packed:
            yield _text(packed, encoding, WHOLE_BYTES)  # type: ignore[arg-type]
        return
    size = place.stat().st_size
    with place.open("rb") as stream:
        yield _text(stream, encoding, WHOLE_BYTES + 1 if size <= WHOLE_BYTES else PIECE_BYTES)
        if encoding in WIDE or size <= WHOLE_BYTES:
            return
        for start in (size // 2, size - PIECE_BYTES):
            if start > stream.tell():
                stream.seek(start)
                stream.readline(PIECE_BYTES)
                yield _text(stream, "utf8" if encoding == "utf8bom" else encoding, PIECE_BYTES)


def _text(stream: BinaryIO, encoding: str, size: int) -> str:
    raw = stream.read(size)
    is_all = len(raw) < size
    codec = CODECS[encoding]
    decoder = codecs.getincrementaldecoder("utf-8-sig" if codec == "utf-8" else codec)()
    text = decoder.decode(raw, final=is_all)
    return text if is_all else text[: text.rfind("\n") + 1] or text
