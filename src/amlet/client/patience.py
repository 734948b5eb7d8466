"""How long to go on after a failure, and how long to pause between two tries."""

from __future__ import annotations

import os
from typing import Optional

from amlet.base.clock import Clock, SystemClock

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5
"""A server that is back after a restart is found within this time."""


class Patience:
    """The patience of one call. Time counts from its first failure: a long wait that is answered uses none of it."""

    def __init__(self, patience_s: float, clock: Optional[Clock] = None) -> None:
        self._patience_s = patience_s
        self._clock = clock or SystemClock()
        self._ends: Optional[float] = None
        self._next_s = FIRST_PAUSE_S

    def pause_s(self) -> Optional[float]:
        """Count one more failure.

        Returns:
            Seconds to wait before the next try, longer each time and scattered, so that fifty clients of a server
            that comes back do not all come at once; None when the patience is over.
        """
        now = self._clock.monotonic()
        if self._ends is None:
            self._ends = now + self._patience_s
        left_s = self._ends - now
        if left_s <= 0:
            return None
        scattered_s = self._next_s * (0.5 + os.urandom(1)[0] / 255)
        self._next_s = min(self._next_s * 2, LONGEST_PAUSE_S)
        return min(scattered_s, left_s)
