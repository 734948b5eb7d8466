"""Metrics: points in chunks, and one summary a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from amlet.base.errors import NotFound
from amlet.domain.metric import KINDS, Point
from amlet.store.base import MetricSummary
from amlet.store.blobs import AT_ONCE
from amlet.store.charts import EXACT_CHUNKS, Drawable, extremes_of, numbers_of
from amlet.store.chunks import CHUNK_POINTS, Columns, pack, unpack
from amlet.store.runs import Runs
from amlet.store.tables import journals, metric_chunks, metrics, runs
from amlet.store.upserts import put
from amlet.wire.runs import Chart

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
_OF_METRIC = metric_chunks.c.metric == bindparam("its_seq")
_CHUNKS = select(metric_chunks.c.number, metric_chunks.c.points).where(_OF_METRIC).order_by(metric_chunks.c.number)
_SOME_CHUNKS = (
    select(metric_chunks.c.number, metric_chunks.c.points)
    .join(metrics, metrics.c.seq == metric_chunks.c.metric)
    .join(runs, runs.c.seq == metrics.c.run)
    .where(
        *_OF_RUN,
        metrics.c.name == bindparam("name"),
        metric_chunks.c.number.between(bindparam("first"), bindparam("last")),
    )
    .order_by(metric_chunks.c.number)
)
_NAMED = (
    select(runs.c.id, *_SUMMARY_COLUMNS)
    .join(metrics, metrics.c.run == runs.c.seq)
    .where(
        runs.c.workspace_id == bindparam("workspace_id"),
        runs.c.id.in_(bindparam("run_ids", expanding=True)),
        metrics.c.name.in_(bindparam("names", expanding=True)),
    )
)
_LAST_CHUNK = _CHUNKS.where(metric_chunks.c.extremes.is_(None))
_EXTREMES = (
    select(metric_chunks.c.number, metric_chunks.c.extremes)
    .where(_OF_METRIC, metric_chunks.c.extremes.is_not(None))
    .order_by(metric_chunks.c.number)
)
_SAVE = metrics.update().where(metrics.c.seq == bindparam("its_seq"))
_RENAME = (
    metrics.update()
    .where(metrics.c.run == bindparam("its_run"), metrics.c.name == bindparam("before"))
    .values(name=bindparam("after"))
)
_FORGET = journals.delete().where(journals.c.run == bindparam("its_run"))


class _Held(NamedTuple):
    seq: int
    summary: MetricSummary


class Metrics:
    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs

    def drained(self, workspace_id: str, run_id: str, journal: str) -> int:
        values = {"workspace_id": workspace_id, "run_id": run_id, "journal": journal}
        return self._connection.execute(_DRAINED, values).scalar() or 0

    def add(self, workspace_id: str, run_id: str, journal: str, drained: int, points: Sequence[Point]) -> None:
        run = self._runs.seq_of(workspace_id, run_id)
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

    def stretch(self, workspace_id: str, run_id: str, name: str, start: int, count: int) -> list[Point]:
        if count <= 0:
            return []
        chunks = {"first": start // CHUNK_POINTS, "last": (start + count - 1) // CHUNK_POINTS}
        values = {"workspace_id": workspace_id, "run_id": run_id, "name": name, **chunks}
        found: list[Point] = []
        for number, packed in self._connection.execute(_SOME_CHUNKS, values):
            columns, skipped = unpack(packed), number * CHUNK_POINTS
            found += columns.part(max(0, start - skipped), max(0, start + count - skipped)).points(name)
        return found

    def summaries(self, workspace_id: str, run_id: str, limit: int | None = None) -> list[MetricSummary]:
        rows = self._connection.execute(_SUMMARIES.limit(limit), {"workspace_id": workspace_id, "run_id": run_id})
        return [MetricSummary._make(row) for row in rows]

    def named(
        self, workspace_id: str, run_ids: Sequence[str], names: Sequence[str]
    ) -> dict[str, dict[str, MetricSummary]]:
        found: dict[str, dict[str, MetricSummary]] = {}
        half = AT_ONCE // 2
        for start in range(0, len(run_ids), half):
            for first in range(0, len(names), half):
                asked = {"run_ids": run_ids[start : start + half], "names": names[first : first + half]}
                for run_id, *summary in self._connection.execute(_NAMED, {"workspace_id": workspace_id, **asked}):
                    told = MetricSummary._make(summary)
                    found.setdefault(run_id, {})[told.name] = told
        return found

    def rename(self, workspace_id: str, run_id: str, names: Mapping[str, str]) -> None:
        run = self._runs.seq_of(workspace_id, run_id)
        if names:
            rows = [{"its_run": run, "before": before, "after": after} for before, after in names.items()]
            self._connection.execute(_RENAME, rows)

    def forget_journals(self, workspace_id: str, run_id: str) -> None:
        self._connection.execute(_FORGET, {"its_run": self._runs.seq_of(workspace_id, run_id)})

    def chart(self, workspace_id: str, run_id: str, name: str, points: int) -> Chart:
        run = self._runs.seq_of(workspace_id, run_id)
        held = self._held(run, [name]).get(name)
        if held is None:
            raise NotFound(f"Run {run_id} has no metric {name[:300]!r}.", hint="run.get_metrics() shows all it logged.")
        drawable = Drawable()
        total = held.summary.points
        if total > EXACT_CHUNKS * CHUNK_POINTS:
            for number, packed in self._connection.execute(_EXTREMES, {"its_seq": held.seq}):
                drawable.add_extremes(number, packed)
            rest = self._connection.execute(_LAST_CHUNK, {"its_seq": held.seq})
        else:
            rest = self._connection.execute(_CHUNKS, {"its_seq": held.seq})
        for number, packed in rest:
            drawable.add_chunk(number, unpack(packed))
        return drawable.chart(total, points)

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
            added = columns = Columns.of(points)
            if seq in last_chunks:
                longer = unpack(last_chunks[seq])
                longer.extend(columns)
                columns = longer
            number = summary.points // CHUNK_POINTS
            for start in range(0, len(columns), CHUNK_POINTS):
                part = columns.part(start, start + CHUNK_POINTS)
                extremes = extremes_of(part) if len(part) == CHUNK_POINTS else None
                place = {"metric": seq, "number": number + start // CHUNK_POINTS}
                chunk_rows.append({**place, "points": pack(part), "extremes": extremes})
            row = _grown(summary, added)._asdict()
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


def _grown(summary: MetricSummary, added: Columns) -> MetricSummary:
    """The summary with later points of the metric."""
    grown = summary._replace(kind=KINDS[added.kinds[-1]], points=summary.points + len(added))
    last_step = next((step for step in reversed(added.steps) if step is not None), None)
    if last_step is not None and -(1 << 63) <= last_step < 1 << 63:
        grown = grown._replace(last_step=last_step)
    numbers = [number for number in numbers_of(added) if number is not None]
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


def _not_nan(number: float) -> float | None:
    return number if number == number else None
