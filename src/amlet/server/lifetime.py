"""The server's life: when it began, when it was last used, and how it should end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from amlet.base.clock import Clock


class Lifetime:
    """Notes use, and ends the process. Used on the event loop; `end_all` may be called from any thread."""

    def __init__(self, clock: Clock, stop: Callable[[], None]) -> None:
        self._clock = clock
        self._stop = stop
        self.started: datetime = clock.now()
        self._used_s = clock.monotonic()
        self.ends_nodes = False
        """Whether nodes and services end with the server. A plain SIGTERM leaves them to the next server."""

    def note_use(self) -> None:
        """Somebody who is not a node asked for something."""
        self._used_s = self._clock.monotonic()

    def idle_s(self) -> float:
        """Seconds since anybody but a node asked."""
        return self._clock.monotonic() - self._used_s

    def end_all(self) -> None:
        """End the server and everything that it started."""
        self.ends_nodes = True
        self._stop()
