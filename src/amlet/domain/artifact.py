"""Files as records: an entry names a blob, a tree is a folder of entries."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence

from amlet.base.hashing import sha256_bytes
from amlet.base.ids import uuid_from_digest

PACK_LIMIT_BYTES = 64 << 10
"""Blobs smaller than this travel and lie together in packs: loose small files cost sixty times a tar."""


class Entry(NamedTuple):
    """One file of a tree: its relative path, its content by hash, its size, whether it may be executed."""

    path: str
    sha256: str
    size_bytes: int
    executable: bool = False


class BlobLocation(NamedTuple):
    """Where the bytes of a blob lie: a file of their own, or from an offset on in a pack."""

    sha256: str
    size_bytes: int
    pack: Optional[str] = None
    """The pack's own sha256; None for a file of its own."""
    offset: int = 0


class Tree(NamedTuple):
    """A folder as a list of entries, sorted by path. Equal content has an equal id."""

    id: str
    entries: List[Entry]

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)


def tree_of(entries: Sequence[Entry]) -> Tree:
    """Sort the entries and derive the id, a UUID in form (v1-behaviours 3.4, 8.5)."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    text = "".join(f"{e.path}\0{e.sha256}\0{e.executable:d}\n" for e in ordered)
    return Tree(uuid_from_digest(sha256_bytes(text.encode("utf-8"))), ordered)
