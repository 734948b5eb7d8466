"""Blobs of a server, for a node: fetched over the client as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from amlet.base.errors import Unavailable
from amlet.client.body import Body
from amlet.client.connection import Client
from amlet.domain.artifact import PACK_LIMIT_BYTES, Entry
from amlet.wire.files import Hashes
from amlet.wire.packs import PackReader

PACK_BYTES = 16 << 20
"""About how much is asked for in one pack."""

PACK_MEMBERS = 10_000

TRIES = 5
"""How often a connection may break with nothing gained."""


class RemoteBlobs:
    """The blobs of one workspace. Safe from any thread; holds at most one chunk or small blob at a time."""

    def __init__(self, client: Client, workspace_id: str) -> None:
        self._client = client
        self._workspace_id = workspace_id

    def fetch(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """The bytes of entries, each entry once, in an order of its own.

        A broken connection is made again, and goes on where it broke. What comes is not hashed here: whoever writes
        it down does that.

        Args:
            entries: Several may have the same content, which then travels once if it is small.

        Yields:
            (entry, chunks). The chunks must be read before the next pair is asked for.

        Raises:
            NotFound: the server has no such blob.
            Unavailable: the server cannot be reached.
            InvalidInput: a pack is damaged.
        """
        small: dict[str, list[Entry]] = {}
        large: list[Entry] = []
        for entry in entries:
            if entry.size_bytes < PACK_LIMIT_BYTES:
                small.setdefault(entry.sha256, []).append(entry)
            else:
                large.append(entry)
        for hashes in _packs(small):
            for sha256, data in self._members(hashes):
                for entry in small[sha256]:
                    yield entry, iter((data,))
        for entry in large:
            yield entry, self._chunks(entry)

    def _members(self, hashes: list[str]) -> Iterator[tuple[str, bytes]]:
        """The members of one pack; what a broken connection cut off is asked for again."""
        left = dict.fromkeys(hashes)
        tries_left = TRIES
        while left:
            before = len(left)
            try:
                with self._client.blobs.get_pack(self._workspace_id, Hashes(list(left))) as body:
                    reader = PackReader()
                    for chunk in body.chunks():
                        for sha256, data in reader.feed(chunk):
                            if sha256 in left:
                                del left[sha256]
                                yield sha256, data
                    reader.finish()
                if len(left) == before:
                    raise Unavailable(f"The server sent a pack without blob {next(iter(left))}, which was asked for.")
            except Unavailable:
                tries_left = TRIES if len(left) < before else tries_left - 1
                if not tries_left:
                    raise

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        given, tries_left = 0, TRIES
        while True:
            before = given
            try:
                with self._client.blobs.get(self._workspace_id, entry.sha256) as body:
                    for chunk in _after(body, given):
                        given += len(chunk)
                        yield chunk
                return
            except Unavailable:
                tries_left = TRIES if given > before else tries_left - 1
                if not tries_left:
                    raise


def _packs(small: dict[str, list[Entry]]) -> Iterator[list[str]]:
    pack: list[str] = []
    pack_bytes = 0
    for sha256, entries in small.items():
        if pack and (pack_bytes + entries[0].size_bytes > PACK_BYTES or len(pack) >= PACK_MEMBERS):
            yield pack
            pack, pack_bytes = [], 0
        pack.append(sha256)
        pack_bytes += entries[0].size_bytes
    if pack:
        yield pack


def _after(body: Body, skip: int) -> Iterator[bytes]:
    """The chunks of a body without its first bytes: a blob has no offset to ask for."""
    for chunk in body.chunks():
        if skip >= len(chunk):
            skip -= len(chunk)
        else:
            yield chunk[skip:] if skip else chunk
            skip = 0
