"""A run's metrics as the body of an answer, stretch by stretch: ten million points pass in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import NamedTuple

from starlette.responses import Response, StreamingResponse

from amlet.domain.metric import LIST, ROW, TABLE, by_kind
from amlet.server.context import Parts
from amlet.store.base import MetricSummary, Transaction
from amlet.wire.metric_lines import MEDIA_TYPE, write_line

POINTS_AT_ONCE = 16_384
"""Read in one transaction and written in one piece."""

WIDE = 4
"""A row, a list or a table counts for so many scalars."""


class Stretch(NamedTuple):
    """Some points of one metric."""

    name: str
    start: int
    points: int


async def metrics_response(parts: Parts, workspace_id: str, run_id: str, name: str | None) -> Response:
    """All metrics of a run, or one, as they are at this moment: later points are left out.

    Raises:
        NotFound: there is no such run.
    """

    def look(tx: Transaction) -> tuple[list[list[Stretch]], bytes]:
        tx.runs.get(workspace_id, run_id)
        summaries = [held for held in tx.metrics.summaries(workspace_id, run_id) if name in (None, held.name)]
        pieces = list(_pieces(summaries))
        # The first is read before the answer begins: a disk that fails can then be told by name.
        return pieces[1:], _lines(tx, workspace_id, run_id, pieces[0]) if pieces else b""

    pieces, first = await parts.read(look)
    if not pieces:
        return Response(first, media_type=MEDIA_TYPE)

    async def body() -> AsyncIterator[bytes]:
        yield first
        for piece in pieces:
            yield await parts.read(partial(_lines, workspace_id=workspace_id, run_id=run_id, piece=piece))

    return StreamingResponse(body(), media_type=MEDIA_TYPE)


def _pieces(summaries: list[MetricSummary]) -> Iterator[list[Stretch]]:
    """What is read together: many small metrics, or a part of a large one."""
    piece: list[Stretch] = []
    room = POINTS_AT_ONCE
    for held in summaries:
        width = WIDE if held.kind in (LIST, ROW, TABLE) else 1
        start = 0
        while start < held.points:
            if room < width:
                yield piece
                piece, room = [], POINTS_AT_ONCE
            count = min(held.points - start, room // width)
            piece.append(Stretch(held.name, start, count))
            start += count
            room -= count * width
    if piece:
        yield piece


def _lines(tx: Transaction, workspace_id: str, run_id: str, piece: list[Stretch]) -> bytes:
    return b"".join(
        write_line(name, kind, values)
        for name, start, count in piece
        for kind, values in by_kind(tx.metrics.stretch(workspace_id, run_id, name, start, count))
    )
