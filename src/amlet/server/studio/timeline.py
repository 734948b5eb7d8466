"""A run's stages as bars on one time line."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from amlet.domain.run import Run

WIDTH = 1000
LEAST_WIDTH = 6
"""So that a stage of some milliseconds beside one of hours can still be seen."""


class Bar(NamedTuple):
    """One stage: its place on the line from 0 to WIDTH, its length in seconds, a word on it."""

    name: str
    detail: str | None
    seconds: float
    x: int
    width: int
    going: bool


def timeline(run: Run, now: datetime) -> list[Bar]:
    """The stages of a run, in order; one that goes on ends now."""
    if not run.stages:
        return []
    first = min(stage.started for stage in run.stages)
    last = max([run.ended or now, *(stage.ended for stage in run.stages if stage.ended)])
    span_s = max((last - first).total_seconds(), 0.001)
    bars = []
    for stage in run.stages:
        ended = stage.ended or run.ended or now
        seconds = max(0.0, (ended - stage.started).total_seconds())
        width = max(LEAST_WIDTH, min(WIDTH, round(WIDTH * seconds / span_s)))
        x = min(WIDTH - width, max(0, round(WIDTH * (stage.started - first).total_seconds() / span_s)))
        bars.append(Bar(stage.name, stage.detail, seconds, x, width, stage.ended is None and not run.is_over))
    return bars
