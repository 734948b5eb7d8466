"""One attempt: build → stage → run → collect. Every step may be repeated by a node that comes after."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path
from typing import NamedTuple

from amlet.artifacts.remote import RemoteBlobs
from amlet.artifacts.stage import collect
from amlet.base.errors import AmletError, InvalidInput, StaleAttempt, StorageFailed, Unavailable
from amlet.base.paths import owner_only
from amlet.client.uploads import Sources, send_missing
from amlet.domain import run as runs
from amlet.domain.artifact import Entry
from amlet.domain.job import Lease
from amlet.domain.run import RunError, RunWarning
from amlet.node.parts import Parts
from amlet.node.processes import JobProcess
from amlet.node.tails import Tail, TailFolder
from amlet.node.variables import job_variables
from amlet.runtime.attempt import JobFile, Result
from amlet.wire.files import AppendQuery, DrainQuery
from amlet.wire.nodes import AttemptQuery, AttemptStarted, RenewLease, SettleAttempt

STD_LOG = "user_logs/std_log.txt"
"""v1-behaviours 3.7."""

TICK_S = 0.05
SCAN_S = 0.5
"""How often ./logs is looked through for new files."""

RENEW_WAIT_S = 5.0
PATIENCE_S = 24 * 3600.0
"""A run that has been trained for hours is not given up because the server is away."""

log = logging.getLogger("amlet.node")


class Ending(NamedTuple):
    """How the job ended, as settle tells it."""

    outcome: str
    exit_code: int | None = None
    error: RunError | None = None


class Attempt:
    """One attempt at one job, in a folder of its own. `run` blocks until it is settled or no longer counts."""

    def __init__(self, parts: Parts, lease: Lease, folder: Path) -> None:
        self._parts = parts
        self._lease = lease
        self._folder = folder
        self._work = folder / "work"
        self._journals = folder / "journals"
        self._output = folder / "std_log.txt"
        self._client = parts.client.patient(PATIENCE_S)
        self._stop = threading.Event()
        self._cancelled = False
        self._stale = False
        self._process: JobProcess | None = None
        self._files = TailFolder(self._work / "logs", lambda name, at, data: self._append("logs/" + name, at, data))
        self._journal_tails = TailFolder(self._journals, self._drain)
        self._std_log = Tail(self._output, lambda at, data: self._append(STD_LOG, at, data))
        self._key = (lease.workspace_id, lease.run_id)

    def run(self, adopted: JobProcess | None = None) -> None:
        """Bring the attempt to its end; with a process of an earlier node, go on from there."""
        renewer = threading.Thread(target=self._keep_lease, name=f"renew-{self._lease.run_id}", daemon=True)
        renewer.start()
        try:
            ending = self._execute(adopted)
            if ending is not None and not self._stale:
                self._settle(ending)
        except StaleAttempt as error:
            log.info("%s", error)
        finally:
            self._stop.set()
            if self._process is not None:
                self._process.end(grace_s=1.0) if self._process.is_alive() else None
                self._process.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self, adopted: JobProcess | None) -> Ending | None:
        try:
            self._process = adopted or self._start()
        except StaleAttempt:
            raise
        except AmletError as error:
            if self._cancelled:
                return Ending(runs.CANCELED)
            return Ending(runs.FAILED, None, RunError("SystemError", str(error), type(error).__name__))
        if self._process is None:
            return Ending(runs.CANCELED)
        detail = "adopted" if adopted else f"cold start, {self._lease.share.cores} cores"
        self._client.nodes.started(*self._key, AttemptStarted(self._lease.attempt, detail))
        return self._watch(self._process)

    def _start(self) -> JobProcess | None:
        lease = self._lease
        build = self._parts.environments.find(lease.lock)
        if build is None:
            lines: list[str] = []
            build = self._parts.environments.build(lease.lock, lines.append)
        owner_only(self._folder)
        owner_only(self._journals)
        blobs = RemoteBlobs(self._client, lease.workspace_id)
        self._parts.trees.stage(lease.snapshot, blobs.fetch, self._work)
        job = lease.job
        JobFile(script=job.script, arguments=job.arguments, command=job.command).write(self._folder)
        if self._cancelled or self._stale:
            return None
        bootstrap = self._parts.sdk / "amlet" / "runtime" / "bootstrap.py"
        variables = job_variables(lease, build.python, self._parts.sdk, self._journals)
        try:
            return JobProcess.start(
                [str(build.python), str(bootstrap), str(self._folder)],
                folder=self._folder,
                cwd=self._work,
                variables=variables,
                output=self._output,
            )
        except OSError as error:
            raise StorageFailed.from_os_error(error, build.python) from error

    def _watch(self, process: JobProcess) -> Ending:
        began = time.monotonic()
        limit_s = self._lease.job.max_duration_s
        scanned = 0.0
        over = None
        while not process.wait(TICK_S):
            if self._stale:
                raise StaleAttempt(f"attempt {self._lease.attempt} of {self._lease.run_id} no longer counts")
            if self._cancelled:
                process.end()
                break
            if self._parts.ended.is_set():
                process.end()
                over = f"Node {self._parts.name} was told to end while the script ran."
                break
            if limit_s and time.monotonic() - began > limit_s:
                process.end()
                over = f"The run took longer than max_run_duration_seconds={limit_s} allows, and was ended."
                break
            more = self._std_log.advance()
            if time.monotonic() - scanned > SCAN_S:
                scanned = time.monotonic()
                more = self._files.advance() or more
                self._journal_tails.advance()
        for tail in (self._std_log, self._journal_tails):
            tail.drain()
        return self._ending(process, over)

    def _ending(self, process: JobProcess, over: str | None) -> Ending:
        result = Result.read(self._folder)
        if over is not None:
            return Ending(runs.FAILED, None, RunError("SystemError", over))
        if self._cancelled:
            return Ending(runs.CANCELED, result.exit_code if result else None)
        if result is None:
            number = process.signal_number()
            how = f"killed by signal {number}" if number else "killed by a signal or out of memory"
            text = f"The script ended without a result: {how}."
            return Ending(runs.FAILED, None, RunError("SystemError", text, exit_code=128 + number if number else None))
        if result.exit_code == 0 and result.exception is None:
            return Ending(runs.COMPLETED, 0)
        failure = result.exception
        if failure is None:
            text = f"User program failed: it ended with exit code {result.exit_code}"
            return Ending(runs.FAILED, result.exit_code, RunError("UserError", text, exit_code=result.exit_code))
        # v1-behaviours 6.8
        text = f"User program failed with {failure.type}: {failure.message}"
        if failure.line:
            text += f" ({failure.line})"
        error = RunError("UserError", text, failure.type, failure.stack_trace, result.exit_code)
        return Ending(runs.FAILED, result.exit_code, error)

    def _settle(self, ending: Ending) -> None:
        attempt = self._lease.attempt
        self._client.nodes.finalizing(*self._key, AttemptQuery(attempt))
        self._files.drain()
        entries, warnings = self._collect()
        said = [RunWarning("outputs", text) for text in warnings]
        for _ in range(5):
            asked = SettleAttempt(attempt, ending.outcome, ending.exit_code, ending.error, entries, said)
            missing = self._client.nodes.settle(*self._key, asked).missing
            if not missing:
                return
            sources: Sources = {entry.sha256: (self._work / entry.path, entry.size_bytes) for entry in entries}
            try:
                send_missing(self._client, self._lease.workspace_id, missing, sources)
            except InvalidInput:  # a process that the script left behind still writes: take the files as they are now
                entries, warnings = self._collect()
        said.append(RunWarning("outputs", "Files of ./outputs changed while they were collected, and are not kept."))
        self._client.nodes.settle(
            *self._key, SettleAttempt(attempt, ending.outcome, ending.exit_code, ending.error, [], said)
        )

    def _collect(self) -> tuple[list[Entry], list[str]]:
        entries: list[Entry] = []
        warnings: list[str] = []
        for name in ("outputs", "logs"):
            if (self._work / name).is_dir():
                found, said = collect(self._work / name, name)
                entries += found
                warnings += said
        outside = self._left_outside()
        if outside:
            listed = ", ".join(outside[:10]) + (f" and {len(outside) - 10} more" if len(outside) > 10 else "")
            warnings.append(
                f"The script wrote files outside ./outputs and ./logs, which are not kept with the run: {listed}."
            )
        return entries, warnings

    def _left_outside(self) -> list[str]:
        known = {entry.path for entry in self._lease.snapshot.entries}
        found = []
        for path in sorted(self._work.rglob("*")):
            relative = path.relative_to(self._work).as_posix()
            if relative.startswith(("outputs/", "logs/")) or "__pycache__" in path.parts:
                continue
            if relative not in known and path.is_file():
                found.append(relative)
        return found

    def _keep_lease(self) -> None:
        asked = RenewLease(self._lease.attempt, self._parts.name, RENEW_WAIT_S)
        while not self._stop.is_set():
            try:
                state = self._parts.client.nodes.renew(*self._key, asked, patience_s=5.0)
            except Unavailable:
                self._stop.wait(0.5)
            except AmletError as error:
                log.info("lease of %s: %s", self._lease.run_id, error)
                self._stale = True
                return
            else:
                if state.cancel:
                    self._cancelled = True
                    asked = asked._replace(wait_s=0.0)
                    self._stop.wait(RENEW_WAIT_S)

    def _append(self, path: str, offset: int, data: bytes) -> int:
        query = AppendQuery(path, offset, self._lease.attempt)
        return self._client.nodes.append_log(*self._key, data, len(data), query).size_bytes

    def _drain(self, journal: str, offset: int, data: bytes) -> int:
        query = DrainQuery(journal, offset, self._lease.attempt)
        return self._client.runs.drain(*self._key, data, len(data), query).size_bytes
