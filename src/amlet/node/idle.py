"""What a node does when it has nothing to run: keep its caches small."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from amlet.artifacts.stage import TreeCache
from amlet.base.units import human_bytes
from amlet.client import datastore_files

PAUSE_S = 600.0
"""Between two looks."""

TREES_BYTES = 4 << 30
"""What unpacked snapshots may take; those that were not used for longest go first."""

log = logging.getLogger("amlet.node")


class Idle:
    """Called by the node's own thread between runs."""

    def __init__(self, trees: TreeCache, data: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._trees = trees
        self._data = data
        self._monotonic = monotonic
        self._next_s = monotonic()

    def use(self, most_bytes: int = TREES_BYTES) -> None:
        """Remove what is in no use, if the last look was long ago. Trouble is told in the log alone."""
        if self._monotonic() < self._next_s:
            return
        self._next_s = self._monotonic() + PAUSE_S
        try:
            freed = self._trees.prune(most_bytes, datetime.now(timezone.utc)) + datastore_files.prune(self._data)
        except Exception:
            log.exception("caches could not be pruned; the next look tries again")
            return
        if freed:
            log.info("pruned %s of snapshots and data", human_bytes(freed))
