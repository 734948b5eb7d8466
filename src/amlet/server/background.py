"""The reconciler's thread: a pass when something changed, and at least every second."""

from __future__ import annotations

import logging
import threading

from amlet.domain.run import ACTIVE
from amlet.operations import trash
from amlet.operations.transitions import RECONCILE
from amlet.server.context import Parts
from amlet.store.base import Transaction

PAUSE_S = 1.0
LEAST_PAUSE_S = 0.25
"""From the end of a pass to the next, whatever comes meanwhile: a hundred runs a second are no reason for as many."""

TRASH_PAUSE_S = 3600.0
BEGINNINGS_KEPT_S = 24 * 3600.0
"""How long an upload that broke off may be gone on with."""

log = logging.getLogger("amlet.server")


class Background(threading.Thread):
    """Runs until `end`. A pass that fails is logged and tried again with the next."""

    def __init__(self, parts: Parts, idle_end_s: float) -> None:
        super().__init__(name="reconciler", daemon=True)
        self._parts = parts
        self._idle_end_s = idle_end_s
        self._wake = parts.topics.listen(RECONCILE)
        self._rest = threading.Event()
        self._ended = False
        self._emptied_s = parts.clock.monotonic()

    def end(self) -> None:
        """Finish the pass in hand and return."""
        self._ended = True
        self._rest.set()
        self._wake.set()
        self.join(10)

    def _empty_trash(self) -> None:
        """Now and then: what has lain there long enough goes."""
        now = self._parts.clock.monotonic()
        if now - self._emptied_s > TRASH_PAUSE_S:
            self._emptied_s = now
            moment = self._parts.now()
            self._parts.blobs.sweep_beginnings(BEGINNINGS_KEPT_S)
            trash.Emptying(self._parts.records, self._parts.blobs, self._parts.logs).empty(moment - trash.KEPT, moment)

    def run(self) -> None:
        while not self._ended:
            self._wake.clear()
            try:
                self._parts.preparer.pass_over()
            except Exception:
                log.exception("environments could not be looked after; the next pass tries again")
            try:
                self._parts.reconciler.pass_over(self._parts.now())
                self._empty_trash()
                if self._parts.lifetime.idle_s() > self._idle_end_s and not self._parts.records.read(_in_use):
                    log.info("idle for %.0f s with nothing running: the server ends itself", self._idle_end_s)
                    self._parts.lifetime.end_all()
                    return
            except Exception:
                log.exception("a pass of the reconciler failed; the next one tries again")
            self._rest.wait(LEAST_PAUSE_S)
            self._wake.wait(PAUSE_S)


def _in_use(tx: Transaction) -> bool:
    return bool(tx.runs.with_status(ACTIVE) or tx.services.list())
