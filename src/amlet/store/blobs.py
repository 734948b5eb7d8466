"""Blobs: which are there, and where their bytes lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select

from amlet.base.clock import SystemClock
from amlet.domain.artifact import BlobLocation
from amlet.store import labels
from amlet.store.tables import blobs, jobs, models, run_files, run_labels, service_sources, trees
from amlet.store.trees import digests_in_trees
from amlet.store.upserts import insert_new

AT_ONCE = 500
"""Values in one IN: below every database's bound on parameters (SQLite's older ones take 999)."""

_THERE = select(blobs.c.sha256).where(blobs.c.sha256.in_(bindparam("asked", expanding=True)))
_LOCATED = select(*(blobs.c[name] for name in BlobLocation._fields)).where(
    blobs.c.sha256.in_(bindparam("asked", expanding=True))
)

_ASKED = blobs.c.sha256.in_(bindparam("asked", expanding=True))
_FORGET = blobs.delete().where(_ASKED)
_PACKS_OF = select(blobs.c.pack).where(_ASKED, blobs.c.pack.is_not(None)).distinct()
_PACKS_LEFT = select(blobs.c.pack).where(blobs.c.pack.in_(bindparam("asked", expanding=True))).distinct()
_ORPHANS = (
    select(*(blobs.c[name] for name in BlobLocation._fields))
    .where(
        blobs.c.added < bindparam("added_before"),
        ~exists().where(run_files.c.sha256 == blobs.c.sha256).correlate(blobs),
    )
    .order_by(blobs.c.sha256)
)
_DROP_TREES = trees.delete().where(
    trees.c.added < bindparam("added_before"),
    trees.c.id.not_in(select(jobs.c.snapshot_id)),
    trees.c.id.not_in(select(models.c.tree_id)),
    trees.c.id.not_in(select(service_sources.c.tree_id)),
    # An interactive run tells its snapshot by a property.
    trees.c.id.not_in(
        select(run_labels.c.value).where(run_labels.c.kind == labels.PROPERTIES, run_labels.c.value.is_not(None))
    ),
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

    def add(self, locations: Sequence[BlobLocation], now: datetime | None = None) -> None:
        added = now or SystemClock().now()
        rows = [{**location._asdict(), "added": added} for location in locations]
        insert_new(self._connection, blobs, rows, renewed=("added",))

    def unreferenced(self, added_before: datetime) -> list[BlobLocation]:
        self._connection.execute(_DROP_TREES, {"added_before": added_before})
        rows = self._connection.execute(_ORPHANS, {"added_before": added_before})
        found = {row[0]: BlobLocation._make(row) for row in rows}
        if found:
            for sha256 in digests_in_trees(self._connection):
                found.pop(sha256, None)
        return list(found.values())

    def forget(self, sha256: Sequence[str]) -> list[str]:
        packs: dict[str, None] = {}
        for part in _parts(list(dict.fromkeys(sha256))):
            asked = {"asked": part}
            packs.update(dict.fromkeys(self._connection.execute(_PACKS_OF, asked).scalars()))
            self._connection.execute(_FORGET, asked)
        for part in _parts(list(packs)):
            for kept in self._connection.execute(_PACKS_LEFT, {"asked": part}).scalars():
                del packs[kept]
        return list(packs)


def _parts(values: list[str]) -> Iterator[list[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
