"""The stages of a run with their seconds, told beside its log: on stderr, since v1's output has no such lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from amlet.base.units import human_seconds
from amlet.domain.run import QUEUED
from amlet.sdk.notice import say

if TYPE_CHECKING:
    from amlet.domain.run import Run as Record


class StageLines:
    """Tells each stage once, when it has ended, and why the run waits when it still does at the next look."""

    def __init__(self) -> None:
        self._told = 0
        self._waits: Optional[str] = None
        self._looked = False

    def show(self, run: Record) -> None:
        for stage in run.stages[self._told :]:
            if stage.ended is None:
                break
            took = human_seconds((stage.ended - stage.started).total_seconds())
            say(f"{stage.name}: {took}" + (f" ({stage.detail})" if stage.detail else ""))
            self._told += 1
        waits = run.waiting_for if run.status == QUEUED else None
        if waits and self._looked and waits != self._waits:
            say(waits)
            self._waits = waits
        self._looked = waits is not None
