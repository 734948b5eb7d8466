"""A node on somebody's machine whose server never comes back ends itself, whatever it has in hand."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

TENDED_VARIABLE = "AMLET_NODE_TENDED"
"""Names a file that is touched while a server looks after the node. Nodes of the server's own machine have none."""

TENDED_FILE = "tended"
FORSAKEN_S = 24 * 3600.0
PAUSE_S = 60.0

log = logging.getLogger("amlet.node")


class Orphan(threading.Thread):
    """Ends the node when nobody has looked after it for a day: a run that a server would still take is long lost."""

    def __init__(self, tended: Path, ended: threading.Event, *, after_s: float = FORSAKEN_S) -> None:
        super().__init__(name="orphan", daemon=True)
        self._tended = tended
        self._ended = ended
        self._after_s = after_s

    def run(self) -> None:
        told, since = self._told(), time.monotonic()
        while not self._ended.wait(min(PAUSE_S, self._after_s)):
            now = self._told()
            if now != told:
                told, since = now, time.monotonic()
            elif time.monotonic() - since > self._after_s:
                log.warning("no server has looked after this node for %.0f s: ending", self._after_s)
                self._ended.set()

    def _told(self) -> int:
        """Changes with every touch; what it is counts from no clock that may be set."""
        try:
            return self._tended.stat().st_mtime_ns
        except OSError:
            return 0


def watch(ended: threading.Event) -> None:
    """Begin to watch, where there is something to."""
    tended = os.environ.get(TENDED_VARIABLE)
    if tended:
        Orphan(Path(tended), ended).start()
