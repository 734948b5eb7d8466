"""Packs: many small blobs in one body.

For each member a line `<64 hex digits of its sha256> <size in bytes>\\n`, then its bytes; nothing at the end. No
member is larger than `PACK_LIMIT_BYTES`, so that either side holds one in memory and no more.
"""

from __future__ import annotations

import hashlib
import re
from typing import BinaryIO, Callable, Iterable, Iterator, List, Tuple

from amlet.base.errors import InvalidInput, TooLarge
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import PACK_LIMIT_BYTES

MEMBERS_LIMIT = 100_000
"""Members of one pack."""

CHUNK_BYTES = 256 << 10
"""What `write_pack` gives at a time, at least, save at the end."""

_HEADER = re.compile(rb"([0-9a-f]{64}) (0|[1-9][0-9]{0,8})")
_HEADER_BYTES = 64 + 1 + 9


def pack_size(sizes: Iterable[int]) -> int:
    """The length in bytes of a pack with members of these sizes: for Content-Length."""
    return sum(64 + 1 + len(str(size)) + 1 + size for size in sizes)


def write_pack(blobs: Iterable[Tuple[str, int, Callable[[], BinaryIO]]]) -> Iterator[bytes]:
    """Write blobs as one pack.

    Args:
        blobs: (sha256, size in bytes, what opens it). Each is opened when its turn comes, read once and closed.

    Raises:
        InvalidInput: if a blob is no longer what its hash says: its file was changed since it was hashed.
        TooLarge: if a blob is over `PACK_LIMIT_BYTES`, or there are more than `MEMBERS_LIMIT`.
    """
    waiting: List[bytes] = []
    waiting_bytes = 0
    for number, (sha256, size, opener) in enumerate(blobs):
        if size > PACK_LIMIT_BYTES or number >= MEMBERS_LIMIT:
            raise TooLarge(
                f"Blob {sha256} ({size:,} bytes, number {number + 1:,}) does not fit into a pack: the limits are "
                f"{PACK_LIMIT_BYTES:,} bytes a member and {MEMBERS_LIMIT:,} members."
            )
        with opener() as stream:
            data = stream.read(size + 1)
            name = getattr(stream, "name", None)
        if len(data) != size or sha256_bytes(data) != sha256:
            raise InvalidInput(
                f"{name or 'Blob ' + sha256} was changed while it was being sent.",
                hint="submit again when nothing writes into the folder.",
            )
        waiting += (b"%s %d\n" % (sha256.encode("ascii"), size), data)
        waiting_bytes += size + _HEADER_BYTES
        if waiting_bytes >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, waiting_bytes = [], 0
    if waiting:
        yield b"".join(waiting)


class PackReader:
    """Reads a pack that comes in chunks of any size, in callbacks as well as in loops.

    Holds at most one unfinished member. Not safe to use from two threads at once. After an error it is of no more use:
    every later call raises the same error.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._members = 0
        self._fault: List[InvalidInput] = []

    def feed(self, chunk: bytes) -> List[Tuple[str, bytes]]:
        """Take the next bytes.

        Returns:
            The members (sha256, bytes) that are now complete, each checked against its size and hash.

        Raises:
            InvalidInput: for a header that is none, a member that is too large or not what its hash says, or too many
                members. Members before it in the same chunk are lost.
        """
        if self._fault:
            raise self._fault[0]
        data = self._rest + chunk if self._rest else bytes(chunk)
        found: List[Tuple[str, bytes]] = []
        start = 0
        while start < len(data):
            end = data.find(b"\n", start, start + _HEADER_BYTES + 1)
            if end < 0 and len(data) - start <= _HEADER_BYTES:
                break
            header = _HEADER.fullmatch(data[start : end if end >= 0 else start + _HEADER_BYTES])
            if header is None or end < 0:
                raise self._wrong(
                    f"does not begin with a line of a hash and a size but with {data[start : start + 40]!r}"
                )
            sha256, size = header.group(1).decode("ascii"), int(header.group(2))
            if size > PACK_LIMIT_BYTES:
                raise self._wrong(f"has {size:,} bytes; the limit is {PACK_LIMIT_BYTES:,}")
            if self._members >= MEMBERS_LIMIT:
                raise self._wrong(f"is one too many; the limit is {MEMBERS_LIMIT:,}")
            if len(data) - end - 1 < size:
                break
            member = data[end + 1 : end + 1 + size]
            actual = hashlib.sha256(member).hexdigest()
            if actual != sha256:
                raise self._wrong(f"should have the hash {sha256} but has {actual}")
            found.append((sha256, member))
            self._members += 1
            start = end + 1 + size
        self._rest = data[start:]
        return found

    def finish(self) -> int:
        """Say that no more bytes come.

        Returns:
            How many members there were.

        Raises:
            InvalidInput: if the pack ends within a member.
        """
        if self._fault:
            raise self._fault[0]
        if self._rest:
            raise self._wrong("is cut off: the body ended within it")
        return self._members

    def _wrong(self, what: str) -> InvalidInput:
        self._rest = b""
        self._fault = [InvalidInput(f"Member {self._members + 1:,} of the pack {what}.")]
        return self._fault[0]


def read_pack(chunks: Iterable[bytes]) -> Iterator[Tuple[str, bytes]]:
    """Read a whole pack from an iterable of chunks: (sha256, bytes) of each member, checked.

    Raises:
        InvalidInput: as `PackReader`.
    """
    reader = PackReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    reader.finish()
