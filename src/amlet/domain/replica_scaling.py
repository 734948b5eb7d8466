"""How many processes a service should have by its load: a pure decision, from one look to the next."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from amlet.domain.deployment import Autoscale

STEADY_S = 30.0
"""So long the load must have asked for fewer processes before there are fewer: a pause of the clients is no reason."""


class Look(NamedTuple):
    """What the processes have done until now."""

    at_s: float
    """By a clock that is never set."""
    processes: int
    busy_s: float
    """The time that they have spent in calls, summed since each began."""
    working: int
    """Requests that are worked on."""
    waiting: int
    """Requests that wait for their turn."""


class Scaling:
    """Follows the load of one revision. Used by one thread."""

    def __init__(self, calls: int = 1) -> None:
        """`calls` is how many calls one process may have at a time."""
        self._calls = calls
        self._before: Look | None = None
        self._wanted: deque[tuple[float, int]] = deque()

    def decide(self, scale: Autoscale, look: Look) -> int:
        """How many processes there should be.

        The utilization is the part of the time since the last look that the calls took, or what is worked on and
        waits right now where that is more: a call that goes on has not been added to the time yet. There are to be as
        many processes as keep it at the target. More are taken at once, fewer after `STEADY_S`.
        """
        before, self._before = self._before, look
        if before is None or look.at_s <= before.at_s or not look.processes:
            return self._within(scale, max(look.processes, 1))
        capacity = look.processes * self._calls
        # A process that went takes its time with it.
        busy = max(0.0, look.busy_s - before.busy_s) / (look.at_s - before.at_s)
        load = max(min(busy, capacity), min(look.working, capacity) if look.waiting else 0) + look.waiting
        asked = math.ceil(round(load / self._calls / (scale.target_utilization / 100), 6))
        asked = self._within(scale, min(asked, 2 * look.processes))
        self._wanted.append((look.at_s, asked))
        # The last look from before that time stays: it tells that the load has been followed for so long.
        while len(self._wanted) > 1 and self._wanted[1][0] <= look.at_s - STEADY_S:
            self._wanted.popleft()
        most = max(number for _, number in self._wanted)
        is_steady = look.at_s - self._wanted[0][0] >= STEADY_S - scale.refresh_s
        return max(most, asked) if is_steady else max(most, self._within(scale, look.processes))

    def _within(self, scale: Autoscale, number: int) -> int:
        return max(scale.min_replicas, min(number, scale.max_replicas))
