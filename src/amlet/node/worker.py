"""The worker's loop: say hello, take up what a predecessor left, then lease and run until the end."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path

from amlet.base.errors import AmletError, NotFound
from amlet.base.machine import boot_id
from amlet.base.paths import Home, owner_only
from amlet.domain.compute import LOCAL
from amlet.domain.job import Lease
from amlet.node import containers
from amlet.node.attempt import LEASE_FILE, Attempt
from amlet.node.idle import Idle
from amlet.node.interactive import Undertaker
from amlet.node.parts import Parts
from amlet.node.processes import GONE, JobProcess
from amlet.node.replicas import Replicas
from amlet.runtime.attempt import Result
from amlet.runtime.marked import Marked, end_marked, marked
from amlet.wire import codec
from amlet.wire.nodes import HeldAttempt, NodeHello, TakeLease

TAKE_WAIT_S = 5.0
ORPHAN_S = 300.0
"""A node without work whose server is away for so long ends itself."""

log = logging.getLogger("amlet.node")


class Worker:
    """Runs one attempt at a time, and holds replicas beside it: the node `local` always, others once they are asked."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._attempts = owner_only(parts.folder / "attempts")
        self._idle = Idle(parts.trees, parts.data)
        self._replicas = Replicas(parts)
        self._serves = False

    def run(self) -> None:
        """Work until the node is told to end or is no longer wanted."""
        left = self._left()
        self._hello([lease for _, lease, _ in left])
        if self._parts.pool == LOCAL or self._replicas.are_left_over:
            self._serve()
        self._adopt(left)
        if self._parts.pool == LOCAL:
            Undertaker(Home(self._parts.home), self._parts.client, self._parts.ended).start()
        asked = TakeLease(self._parts.name, self._parts.pool, TAKE_WAIT_S)
        away_since: float | None = None
        while not self._parts.ended.is_set():
            try:
                answer = self._parts.client.nodes.take(asked._replace(serves=self._serves), patience_s=1.0)
            except NotFound:
                self._hello([])
                continue
            except AmletError as error:  # away; or its disk is full; or another program has its port meanwhile
                if away_since is None:
                    log.info("no work: %s", error)
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > ORPHAN_S:
                    log.info("no server for %.0f s and nothing to run: ending", ORPHAN_S)
                    return
                self._parts.ended.wait(0.3)
                continue
            if away_since is not None:
                away_since = None
                self._hello([answer.lease] if answer.lease is not None else [])
            if answer.leave:
                return
            if answer.serves:
                self._serve()
            lease = answer.lease
            if lease is None:
                self._idle.use()
            while lease is not None and not self._parts.ended.is_set():
                lease = self._run(lease)

    def close(self) -> None:
        """End the replicas."""
        if self._serves:
            self._replicas.close()

    def _serve(self) -> None:
        """Begin to ask for replicas."""
        if not self._serves:
            self._serves = True
            self._replicas.start()

    def _hello(self, held: list[Lease]) -> None:
        parts = self._parts
        in_hand = [HeldAttempt(lease.workspace_id, lease.run_id, lease.attempt) for lease in held]
        hello = NodeHello(parts.name, parts.pool, os.getpid(), boot_id(), parts.share, in_hand)
        while not parts.ended.is_set():
            try:
                if parts.client.nodes.hello(hello).serves:
                    self._serve()
                return
            except AmletError as error:
                log.info("no welcome: %s", error)
                parts.ended.wait(0.5)

    def _run(self, lease: Lease) -> Lease | None:
        """Run an attempt, and tell which is next if the server has said so."""
        folder = self._attempts / attempt_name(lease)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            attempt = Attempt(self._parts, lease, folder)
            attempt.run()
        except (AmletError, OSError) as error:
            log.error("attempt %s of %s: %s", lease.attempt, lease.run_id, error)
            return None
        return attempt.following

    def _left(self) -> list[tuple[Path, Lease, JobProcess]]:
        """What an earlier node of this name had in hand and had begun; all else that it left is ended and removed."""
        found = [
            (folder, _read_lease(folder), self._left_process(folder)) for folder in sorted(self._attempts.iterdir())
        ]
        left = [(folder, lease, process) for folder, lease, process in found if lease and process]
        journals = {str(folder / "journals") for folder, _, _ in left}
        below = str(self._attempts) + os.sep

        def nobodys(process: Marked) -> bool:
            folder = process.variables.get("AMLET_JOURNAL_DIR", "")
            return folder.startswith(below) and folder not in journals

        end_marked(str(self._parts.home), nobodys)
        for folder, lease, process in found:
            if lease is None or process is None:
                containers.end_left_over(folder)
                shutil.rmtree(folder, ignore_errors=True)
        return left

    def _left_process(self, folder: Path) -> JobProcess | None:
        process = containers.adopted(folder)
        is_contained = (folder / containers.CONTAINER_FILE).exists()
        if process is None and not is_contained:  # killed between the start and the note of it?
            journals = str(folder / "journals")
            for found in marked(str(self._parts.home)):
                # What the script starts has the same variables; the bootstrap leads them.
                if found.variables.get("AMLET_JOURNAL_DIR") == journals and _runs_bootstrap(found.mark.pid):
                    process = JobProcess(found.mark, None)
        if process is None and Result.read(folder) is not None:
            process = JobProcess(GONE, None)
        return process

    def _adopt(self, left: list[tuple[Path, Lease, JobProcess]]) -> None:
        """Go on with what an earlier node had begun."""
        for folder, lease, process in left:
            log.info("adopting attempt %s of %s", lease.attempt, lease.run_id)
            try:
                Attempt(self._parts, lease, folder, process).run()
            except (AmletError, OSError) as error:
                log.error("attempt %s of %s: %s", lease.attempt, lease.run_id, error)


def _runs_bootstrap(pid: int) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return len(arguments) > 1 and arguments[1].endswith((b"/amlet/runtime/bootstrap.py", b"/amlet/runtime/launch.py"))


def attempt_name(lease: Lease) -> str:
    """The name of an attempt's folder: of fixed length and alphabet, whatever the run is called."""
    text = f"{lease.workspace_id}/{lease.run_id}/{lease.attempt}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _read_lease(folder: Path) -> Lease | None:
    try:
        told = json.loads((folder / LEASE_FILE).read_text())
        lease: Lease = codec.decode(Lease, told, strict=False, subject=str(folder))
    except (FileNotFoundError, ValueError, AmletError):
        return None
    return lease
