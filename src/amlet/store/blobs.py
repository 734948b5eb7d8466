"""Blobs: which are there, and where their bytes lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, bindparam, select

from amlet.domain.artifact import BlobLocation
from amlet.store.tables import blobs
from amlet.store.upserts import insert_new

AT_ONCE = 500
"""Values in one IN: below every database's bound on parameters (SQLite's older ones take 999)."""

_THERE = select(blobs.c.sha256).where(blobs.c.sha256.in_(bindparam("asked", expanding=True)))
_LOCATED = select(*(blobs.c[name] for name in BlobLocation._fields)).where(
    blobs.c.sha256.in_(bindparam("asked", expanding=True))
)


class Blobs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def missing(self, sha256: Sequence[str]) -> list[str]:
        wanted = dict.fromkeys(sha256)
        for part in _parts(list(wanted)):
            for held in self._connection.execute(_THERE, {"asked": part}).scalars():
                del wanted[held]
        return list(wanted)

    def locate(self, sha256: Sequence[str]) -> dict[str, BlobLocation]:
        found = {}
        for part in _parts(list(dict.fromkeys(sha256))):
            for row in self._connection.execute(_LOCATED, {"asked": part}):
                found[row[0]] = BlobLocation._make(row)
        return found

    def add(self, locations: Sequence[BlobLocation]) -> None:
        insert_new(self._connection, blobs, [location._asdict() for location in locations])


def _parts(values: list[str]) -> Iterator[list[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
