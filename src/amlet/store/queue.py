"""The queue: which run of a pool is next, and how many are ahead of one.

The order: by priority, the higher first; of one priority by turns between experiments, which is by how many runs of
its experiment go on in the pool before it does; then first come. To take the next run costs one step of an index for
each experiment that has runs of the highest priority, whatever waits behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, literal, select

from amlet.domain.run import Run
from amlet.store.base import Turn
from amlet.store.blobs import AT_ONCE
from amlet.store.runs import Runs
from amlet.store.tables import leases, queue, runs
from amlet.store.upserts import put

_POOL: BindParameter[str] = bindparam("pool")
_REMOVE = queue.delete().where(queue.c.run == bindparam("its_run"))
_TOP = select(func.max(queue.c.priority)).where(queue.c.pool == _POOL).scalar_subquery()
_GOING = (
    select((runs.c.workspace_id + literal("/") + runs.c.experiment).label("lane"), func.count().label("runs"))
    .join(leases, (leases.c.workspace_id == runs.c.workspace_id) & (leases.c.run_id == runs.c.id))
    .where(leases.c.pool == _POOL)
    .group_by(runs.c.workspace_id, runs.c.experiment)
    .subquery("going")
)


def _heads() -> Any:
    """The first run of each lane of the highest priority: from lane to lane along the index."""
    first = queue.alias("first")
    begin = (
        select(first.c.run)
        .where(first.c.pool == _POOL, first.c.priority == _TOP)
        .order_by(first.c.lane, first.c.run)
        .limit(1)
        .scalar_subquery()
    )
    found = select(begin.label("run")).cte("heads", recursive=True)
    here, following = queue.alias("here"), queue.alias("following")
    step = (
        select(following.c.run)
        .where(following.c.pool == _POOL, following.c.priority == here.c.priority, following.c.lane > here.c.lane)
        .order_by(following.c.lane, following.c.run)
        .limit(1)
        .scalar_subquery()
    )
    return found.union_all(select(step).select_from(found.join(here, here.c.run == found.c.run)))


def _first() -> Any:
    heads = _heads()
    run_columns = (runs.c[name] for name in Run._fields)
    return (
        select(*run_columns, queue.c.priority, queue.c.run, queue.c.nodes)
        .select_from(heads)
        .join(queue, queue.c.run == heads.c.run)
        .join(runs, runs.c.seq == queue.c.run)
        .outerjoin(_GOING, _GOING.c.lane == queue.c.lane)
        .order_by(func.coalesce(_GOING.c.runs, 0), queue.c.run)
        .limit(1)
    )


def _places() -> Any:
    # Those of a higher priority go before, and count as going on by then.
    turn = func.row_number().over(partition_by=queue.c.lane, order_by=(queue.c.priority.desc(), queue.c.run))
    ranked = (
        select(queue.c.run, queue.c.priority, (turn + func.coalesce(_GOING.c.runs, 0)).label("turn"))
        .outerjoin(_GOING, _GOING.c.lane == queue.c.lane)
        .where(queue.c.pool == _POOL)
        .subquery("ranked")
    )
    order = func.row_number().over(order_by=(ranked.c.priority.desc(), ranked.c.turn, ranked.c.run))
    placed = select(ranked.c.run, order.label("place")).subquery("placed")
    return (
        select(runs.c.id, placed.c.place)
        .join(runs, runs.c.seq == placed.c.run)
        .where(
            runs.c.workspace_id == bindparam("its_workspace"),
            runs.c.id.in_(bindparam("its_ids", expanding=True)),
        )
    )


_FIRST = _first()
_PLACES = _places()
_SOME = select(queue.c.nodes).where(queue.c.pool == _POOL).limit(bindparam("most")).subquery("some")
_WAITING = select(func.coalesce(func.sum(_SOME.c.nodes), 0))


class Queue:
    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs

    def put(self, run: Run, priority: int, nodes: int = 1) -> None:
        row = {
            "run": self._runs.seq_of(run.workspace_id, run.id),
            "pool": run.pool,
            "priority": priority,
            "lane": f"{run.workspace_id}/{run.experiment}",
            "nodes": nodes,
        }
        put(self._connection, queue, [row])

    def remove(self, workspace_id: str, run_id: str) -> None:
        self._connection.execute(_REMOVE, {"its_run": self._runs.seq_of(workspace_id, run_id)})

    def first(self, pool: str) -> Turn | None:
        row = self._connection.execute(_FIRST, {"pool": pool}).first()
        if row is None:
            return None
        *values, priority, seq, nodes = row
        return Turn(self._runs.hold(seq, Run._make(values)), priority, seq, nodes)

    def waiting(self, pool: str, limit: int) -> int:
        return min(limit, int(self._connection.execute(_WAITING, {"pool": pool, "most": limit}).scalar_one()))

    def ahead(self, workspace_id: str, pool: str, run_ids: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(run_ids), AT_ONCE):
            values = {"pool": pool, "its_workspace": workspace_id, "its_ids": list(run_ids[start : start + AT_ONCE])}
            found.update((name, place - 1) for name, place in self._connection.execute(_PLACES, values))
        return found
