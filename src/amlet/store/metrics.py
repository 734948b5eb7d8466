"""Metrics: points in chunks, and one summary a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from amlet.domain.metric import SCALAR, Point
from amlet.store.base import MetricSummary
from amlet.store.blobs import AT_ONCE
from amlet.store.chunks import CHUNK_POINTS, Columns, pack, unpack
from amlet.store.runs import seq_of
from amlet.store.tables import journals, metric_chunks, metrics, runs
from amlet.store.upserts import put

_OF_RUN = (runs.c.workspace_id == bindparam("workspace_id"), runs.c.id == bindparam("run_id"))
_DRAINED = (
    select(journals.c.drained)
    .join(runs, runs.c.seq == journals.c.run)
    .where(*_OF_RUN, journals.c.journal == bindparam("journal"))
)
_SUMMARY_COLUMNS = tuple(metrics.c[name] for name in MetricSummary._fields)
_SUMMARIES = select(*_SUMMARY_COLUMNS).join(runs, runs.c.seq == metrics.c.run).where(*_OF_RUN).order_by(metrics.c.seq)
_POINTS = (
    select(metrics.c.name, metric_chunks.c.points)
    .join(metrics, metrics.c.seq == metric_chunks.c.metric)
    .join(runs, runs.c.seq == metrics.c.run)
    .where(*_OF_RUN)
    .order_by(metric_chunks.c.metric, metric_chunks.c.number)
)
_POINTS_OF_ONE = _POINTS.where(metrics.c.name == bindparam("name"))
_HELD = select(metrics.c.seq, *_SUMMARY_COLUMNS).where(
    metrics.c.run == bindparam("its_run"), metrics.c.name.in_(bindparam("names", expanding=True))
)
_OPEN_CHUNKS = (
    select(metric_chunks.c.metric, metric_chunks.c.points)
    .join(metrics, metrics.c.seq == metric_chunks.c.metric)
    .where(
        metrics.c.run == bindparam("its_run"),
        metrics.c.name.in_(bindparam("names", expanding=True)),
        # The chunk after the full ones: there is one just when the last is not full.
        metric_chunks.c.number == metrics.c.points // CHUNK_POINTS,
    )
)
_SAVE = metrics.update().where(metrics.c.seq == bindparam("its_seq"))


class _Held(NamedTuple):
    seq: int
    summary: MetricSummary


class Metrics:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def drained(self, workspace_id: str, run_id: str, journal: str) -> int:
        values = {"workspace_id": workspace_id, "run_id": run_id, "journal": journal}
        return self._connection.execute(_DRAINED, values).scalar() or 0

    def add(self, workspace_id: str, run_id: str, journal: str, drained: int, points: Sequence[Point]) -> None:
        run = seq_of(self._connection, workspace_id, run_id)
        if drained < self.drained(workspace_id, run_id, journal):
            return
        put(self._connection, journals, [{"run": run, "journal": journal, "drained": drained}])
        by_name: dict[str, list[Point]] = {}
        for point in points:
            by_name.setdefault(point.name, []).append(point)
        if by_name:
            self._append(run, by_name)

    def points(self, workspace_id: str, run_id: str, name: str | None = None) -> dict[str, list[Point]]:
        values = {"workspace_id": workspace_id, "run_id": run_id}
        if name is None:
            rows = self._connection.execute(_POINTS, values)
        else:
            rows = self._connection.execute(_POINTS_OF_ONE, {**values, "name": name})
        found: dict[str, list[Point]] = {}
        for metric, packed in rows:
            found.setdefault(metric, []).extend(unpack(packed).points(metric))
        return found

    def summaries(self, workspace_id: str, run_id: str) -> list[MetricSummary]:
        rows = self._connection.execute(_SUMMARIES, {"workspace_id": workspace_id, "run_id": run_id})
        return [MetricSummary._make(row) for row in rows]

    def _append(self, run: int, by_name: dict[str, list[Point]]) -> None:
        held = self._held(run, list(by_name))
        fresh = [name for name in by_name if name not in held]
        if fresh:
            empty = MetricSummary("", "", 0, None, None, None, None, None)
            rows = [{"run": run, **empty._replace(name=name)._asdict()} for name in fresh]
            self._connection.execute(metrics.insert(), rows)
            held.update(self._held(run, fresh))
        started = [name for name in by_name if held[name].summary.points % CHUNK_POINTS]
        last_chunks = self._last_chunks(run, started)

        chunk_rows: list[dict[str, Any]] = []
        summary_rows: list[dict[str, Any]] = []
        for name, points in by_name.items():
            seq, summary = held[name]
            columns = Columns.of(points)
            if seq in last_chunks:
                longer = unpack(last_chunks[seq])
                longer.extend(columns)
                columns = longer
            number = summary.points // CHUNK_POINTS
            for start in range(0, len(columns), CHUNK_POINTS):
                packed = pack(columns.part(start, start + CHUNK_POINTS))
                chunk_rows.append({"metric": seq, "number": number + start // CHUNK_POINTS, "points": packed})
            row = _grown(summary, points)._asdict()
            del row["name"]
            summary_rows.append({"its_seq": seq, **row})
        put(self._connection, metric_chunks, chunk_rows)
        self._connection.execute(_SAVE, summary_rows)

    def _held(self, run: int, names: list[str]) -> dict[str, _Held]:
        found = {}
        for start in range(0, len(names), AT_ONCE):
            values = {"its_run": run, "names": names[start : start + AT_ONCE]}
            for seq, *summary in self._connection.execute(_HELD, values):
                found[summary[0]] = _Held(seq, MetricSummary._make(summary))
        return found

    def _last_chunks(self, run: int, names: list[str]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for start in range(0, len(names), AT_ONCE):
            values = {"its_run": run, "names": names[start : start + AT_ONCE]}
            for metric, packed in self._connection.execute(_OPEN_CHUNKS, values):
                found[metric] = packed
        return found


def _grown(summary: MetricSummary, points: Sequence[Point]) -> MetricSummary:
    """The summary with later points of the metric."""
    grown = summary._replace(kind=points[-1].kind, points=summary.points + len(points))
    steps = [point.step for point in points if point.step is not None]
    if steps and -(1 << 63) <= steps[-1] < 1 << 63:
        grown = grown._replace(last_step=steps[-1])
    numbers = [_number(point.value) for point in points if point.kind == SCALAR and _is_number(point.value)]
    if not numbers:
        return grown
    # Whether one was there before cannot be told from `first`, which is None for NaN: a NaN may be followed up.
    if grown.first is None and grown.last is None and grown.min is None:
        grown = grown._replace(first=_not_nan(numbers[0]))
    low, high = ([held] if held is not None else [] for held in (grown.min, grown.max))
    ordered = [number for number in numbers if number == number]
    return grown._replace(
        last=_not_nan(numbers[-1]),
        min=min(low + ordered, default=None),
        max=max(high + ordered, default=None),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _not_nan(number: float) -> float | None:
    return number if number == number else None
