"""The worker's loop: say hello, take up what a predecessor left, then lease and run until the end."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path

from amlet.base.errors import AmletError, NotFound, Unavailable
from amlet.base.paths import owner_only
from amlet.domain.compute import LOCAL
from amlet.domain.job import Lease
from amlet.node.attempt import Attempt
from amlet.node.parts import Parts
from amlet.node.processes import JobProcess
from amlet.node.replicas import Replicas
from amlet.runtime.attempt import write_json
from amlet.runtime.process import boot_id
from amlet.wire import codec
from amlet.wire.nodes import NodeHello, TakeLease

TAKE_WAIT_S = 5.0
ORPHAN_S = 300.0
"""A node without work whose server is away for so long ends itself."""

LEASE_FILE = "lease.json"

log = logging.getLogger("amlet.node")


class Worker:
    """Runs one attempt at a time, and holds replicas beside it when it serves this machine."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._attempts = owner_only(parts.folder / "attempts")
        self._replicas = Replicas(parts) if parts.pool == LOCAL else None

    def run(self) -> None:
        """Work until the node is told to end or is no longer wanted."""
        self._hello()
        self._adopt()
        if self._replicas is not None:
            self._replicas.start()
        asked = TakeLease(self._parts.name, TAKE_WAIT_S)
        away_since: float | None = None
        while not self._parts.ended.is_set():
            try:
                answer = self._parts.client.nodes.take(asked, patience_s=1.0)
            except NotFound:
                self._hello()
                continue
            except Unavailable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > ORPHAN_S:
                    log.info("no server for %.0f s and nothing to run: ending", ORPHAN_S)
                    return
                self._parts.ended.wait(0.3)
                continue
            if away_since is not None:
                away_since = None
                self._hello()
            if answer.leave:
                return
            if answer.lease is not None:
                self._run(answer.lease)

    def close(self) -> None:
        """End the replicas."""
        if self._replicas is not None:
            self._replicas.close()

    def _hello(self) -> None:
        parts = self._parts

        hello = NodeHello(parts.name, parts.pool, os.getpid(), boot_id(), parts.share)
        while not parts.ended.is_set():
            try:
                parts.client.nodes.hello(hello)
                return
            except Unavailable:
                parts.ended.wait(0.5)

    def _run(self, lease: Lease) -> None:
        folder = self._attempts / attempt_name(lease)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            owner_only(folder)
            # The token and what bears it stay in memory: an adopted process has them already.
            write_json(folder / LEASE_FILE, codec.encode(lease._replace(token="", variables={})))
            Attempt(self._parts, lease, folder).run()
        except (AmletError, OSError) as error:
            log.error("attempt %s of %s: %s", lease.attempt, lease.run_id, error)

    def _adopt(self) -> None:
        """Go on with what an earlier node of this name had in hand; what had not begun will lapse."""
        for folder in sorted(self._attempts.iterdir()):
            lease = _read_lease(folder)
            process = JobProcess.adopt(folder)
            if lease is None or process is None:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            log.info("adopting attempt %s of %s", lease.attempt, lease.run_id)
            try:
                Attempt(self._parts, lease, folder).run(adopted=process)
            except (AmletError, OSError) as error:
                log.error("attempt %s of %s: %s", lease.attempt, lease.run_id, error)


def attempt_name(lease: Lease) -> str:
    """The name of an attempt's folder: of fixed length and alphabet, whatever the run is called."""
    text = f"{lease.workspace_id}/{lease.run_id}/{lease.attempt}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _read_lease(folder: Path) -> Lease | None:
    try:
        told = json.loads((folder / LEASE_FILE).read_text())
        lease: Lease = codec.decode(Lease, told, strict=False, subject=str(folder))
    except (OSError, ValueError, AmletError):
        return None
    return lease
