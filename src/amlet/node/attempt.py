"""One attempt: build → stage → run → collect. Every step may be repeated by a node that comes after."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from amlet.artifacts.remote import RemoteBlobs
from amlet.artifacts.stage import collect, is_larger
from amlet.base.errors import AmletError, InvalidInput, NotFound, StaleAttempt, StorageFailed, Unavailable
from amlet.base.paths import owner_only
from amlet.base.units import human_seconds
from amlet.client.datastore_files import DatastoreFiles
from amlet.client.kept_files import FOLDER, bring_kept
from amlet.client.uploads import Sources, send_missing
from amlet.domain import run as runs
from amlet.domain.artifact import Entry
from amlet.domain.job import Lease
from amlet.domain.run import RunWarning
from amlet.environments import Build
from amlet.node.containers import ContainerProcess
from amlet.node.data import RunData
from amlet.node.ending import (
    CANCELED,
    PASSING,
    Ending,
    cut_short,
    given_up,
    may_be_the_kernels,
    not_started,
    of_script,
)
from amlet.node.gang import PREPARED, Part
from amlet.node.growing import Growing, Last
from amlet.node.limits import Limits
from amlet.node.live_outputs import Watch
from amlet.node.parts import Parts
from amlet.node.processes import JobProcess
from amlet.node.variables import job_variables
from amlet.node.warm import WarmStart, WarmStarted
from amlet.runtime import losses
from amlet.runtime.attempt import JobFile, Result, reserve, write_json
from amlet.runtime.marked import end_marked
from amlet.wire import codec
from amlet.wire.nodes import AttemptQuery, AttemptStarted, RenewLease, SettleAnswer, SettleAttempt, TakeLease

LEASE_FILE = "lease.json"
"""In the attempt's folder: what a node that comes after must know to go on."""

TICK_S = 0.05
LARGE_BYTES = 16 << 20
"""Outputs of which it takes a moment to read them: the run is told to be Finalizing before that."""

SHORT_S = 2.0
"""What such an attempt has started has a number above its own: not all of a machine's processes are looked through."""

RENEW_WAIT_S = 5.0
FIRST_RENEWAL_S = 0.25
"""The lease is fresh, and what starts is at hand: most runs that start warm are over by then."""

PATIENCE_S = 24 * 3600.0
"""A run that has been trained for hours is not given up because the server is away."""

AGAIN_S = 1.0
"""Between two tries while the server is away or its disk is full."""

UNREADABLE_S = 60.0
"""How long a file of a run's may be unreadable: descriptors may be short for a while, a broken disk stays broken."""

TELL_BUILD_S = 0.5
"""Between two looks at the log of a build that goes on."""

IMPORTS_S = 0.05
"""A warm parent that took longer to import is told: it was not there yet."""

ENDED_GRACE_S = 5.0
"""Between SIGTERM and SIGKILL when the node itself is told to end: its engine waits for ten seconds."""

T = TypeVar("T")

log = logging.getLogger("amlet.node")


class Attempt:
    """One attempt at one job, in a folder of its own. `run` blocks until it is settled or no longer counts."""

    def __init__(self, parts: Parts, lease: Lease, folder: Path, adopted: JobProcess | None = None) -> None:
        """`adopted` is a process that an earlier node has started: it goes on from there."""
        self._parts = parts
        self._lease = lease
        self._folder = folder
        self._adopted = adopted
        self._work = folder / "work"
        self._journals = folder / "journals"
        self._output = folder / "std_log.txt"
        self._client = parts.client.patient(0)
        self._rest_until = 0.0
        self._rest_s = 0.0
        self._stop = threading.Event()
        self._cancelled = False
        self._stale = False
        self._process: JobProcess | None = None
        self._part = part = Part(parts, lease)
        self._growing = Growing(self._client, lease, part, folder, self._output, is_new=adopted is None)
        self._last: Last | None = None
        self.following: Lease | None = None
        """What the node is to run next, when the server said so with the end of this one."""
        self._over_at = 0.0
        self._key = (lease.workspace_id, lease.run_id)
        self._outputs = Watch(self._client, *self._key, lease.attempt, self._work / "outputs")
        self._limits = Limits(lease.share, folder.name)
        self._how = "cold start"
        self._built = ""
        self._leased_at = time.monotonic()
        files = DatastoreFiles(parts.client.patient(PATIENCE_S), lease.workspace_id, parts.data)
        contained = lease.lock.image is not None
        self._data = RunData(lease.job, files, folder, self._work, contained=contained)
        self._data_variables: dict[str, str] = {}

    def run(self) -> None:
        """Bring the attempt to its end."""
        at_hand = self._adopted is None and self._part.is_alone and self._parts.trees.holds(self._lease.snapshot)
        self._rest_s = FIRST_RENEWAL_S if at_hand else 0.0
        renewer = threading.Thread(target=self._keep_lease, name=f"renew-{self._lease.run_id}", daemon=True)
        renewer.start()
        keep = False
        try:
            ending = self._execute()
            if ending is not None and not self._stale:
                self._settle(self._whole(ending))
        except StaleAttempt as error:
            log.info("%s", error)
        except Exception as error:  # whatever happens here, the run must be told its end
            keep = self._parts.ended.is_set() and isinstance(error, (Unavailable, StorageFailed))
            name = f"attempt {self._lease.attempt} of {self._lease.run_id}"
            if keep:
                log.warning("%s is left to the next node: %s", name, error)
            else:
                log.exception("%s", name)
                self._give_up(error)
        finally:
            self._stop.set()
            self._outputs.end()
            if self._process is not None:
                self._process.end(grace_s=1.0) if self._process.is_alive() else None
                self._process.close()
            self._end_stragglers()
            self._limits.close()
            if not keep:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self) -> Ending | None:
        try:
            self._process = self._adopted or self._start()
        except StaleAttempt:
            raise
        except AmletError as error:
            return CANCELED if self._cancelled else not_started(error, self._folder)
        except Exception as error:
            log.exception("attempt %s of %s could not start", self._lease.attempt, self._lease.run_id)
            return not_started(error, self._folder)
        if self._process is None:
            return CANCELED
        self._limits.hold(self._process.mark)
        where = " in a container" if self._lease.lock.image else ""
        detail = "adopted" if self._adopted else f"{self._how}{where}{self._built}, {self._lease.share.cores} cores"
        detail += f", {self._part.words}" if self._part.words else ""
        took_s = 0.0 if self._adopted else time.monotonic() - self._leased_at
        started = AttemptStarted(self._lease.attempt, detail, self._facts(), took_s)
        if self._part.is_first:
            self._insist(lambda: self._client.nodes.started(*self._key, started))
        return self._watch(self._process)

    def _facts(self) -> dict[str, str]:
        """What the run should know of its machine for ever."""
        lock, machine = self._lease.lock, os.uname()
        return {
            "amlet.python": lock.interpreter or lock.python,
            "amlet.lock": lock.id,
            "amlet.node": self._parts.name,
            "amlet.host": machine.nodename,
            "amlet.system": f"{machine.sysname} {machine.release} {machine.machine}",
            **({"amlet.image": lock.image} if lock.image else {}),
        }

    def _start(self) -> JobProcess | None:
        lease = self._lease
        owner_only(self._folder)
        # The token and what bears it stay in memory: an adopted process has them already.
        write_json(self._folder / LEASE_FILE, codec.encode(lease._replace(token="", variables={})))
        build = self._parts.environments.find(lease.lock)
        if build is None:
            build = self._build()
        container = lease.job.environment.container if lease.lock.image is not None else None
        contained = self._parts.environments.contained(container, lease.lock, log.info) if container else None
        owner_only(self._journals)
        reserve(self._folder)
        losses.reserve(self._journals)
        blobs = RemoteBlobs(self._parts.client.patient(PATIENCE_S), lease.workspace_id)
        self._parts.trees.stage(lease.snapshot, blobs.fetch, self._work)
        self._data_variables = self._data.stage(self._say)
        self._job_file().write(self._folder)
        start = self._part.join(self._is_over, self._insist)
        if start is None or self._cancelled or self._stale:
            return None
        told = {**lease.variables, **self._part.variables(start), **self._data_variables}
        lease = lease._replace(share=self._part.share, variables=told)
        program = self._part.program(self._folder)
        if contained is not None:
            return ContainerProcess.start_in(
                contained._replace(shown=[*contained.shown, *self._data.shown]),
                lease,
                self._parts,
                program,
                folder=self._folder,
                work=self._work,
                journals=self._journals,
                output=self._output,
            )
        variables = job_variables(lease, build.python, self._parts.sdk, self._journals)
        warm = self._start_warm(build, variables)
        if isinstance(warm, JobProcess):
            return warm
        self._how = f"cold start ({warm})" if warm else "cold start"
        if self._is_over():
            return None
        with self._limits.starting():
            return JobProcess.start(
                [str(build.python), *self._part.program(self._folder)],
                folder=self._folder,
                cwd=self._work,
                variables=variables,
                output=self._output,
            )

    def _build(self) -> Build:
        began = told = time.monotonic()
        with (self._folder / PREPARED).open("w", encoding="utf-8") as prepared:

            def say(line: str) -> None:
                nonlocal told
                prepared.write(line.rstrip("\n") + "\n")
                prepared.flush()
                if time.monotonic() - told > TELL_BUILD_S:
                    told = time.monotonic()
                    with contextlib.suppress(*PASSING):
                        self._growing.advance()

            try:
                build = self._parts.environments.build(self._lease.lock, say)
            except AmletError as error:
                say(str(error))
                raise
            took = human_seconds(time.monotonic() - began)
            self._built = f", built in {took}"
            say(f"Ready after {took}.")
        return build

    def _job_file(self) -> JobFile:
        found = self._part.job_file()
        return found._replace(arguments=self._data.filled(found.arguments, self._data_variables))

    def _say(self, text: str) -> None:
        """One line in the run's own log, ahead of or after what the script prints."""
        with self._output.open("a", encoding="utf-8") as log_file:
            log_file.write(f"amlet: {text}\n")

    def _start_warm(self, build: Build, variables: Mapping[str, str]) -> JobProcess | str:
        """The process, forked from one that has imported what the script imports; or why it must start cold."""
        lease = self._lease
        if not self._part.is_alone or lease.job.processes_per_node > 1:
            return "one of several processes"
        asked = WarmStart(
            python=build.python,
            fixed=lease.lock.interpreter is None,
            job=self._job_file(),
            folder=self._folder,
            work=self._work,
            output=self._output,
            variables=variables,
            per_run={*lease.variables, *self._data_variables, "AMLET_JOURNAL_DIR"},
            user={**lease.job.environment.variables, **lease.job.variables},
            cores=self._limits.cores(),
        )
        started = self._parts.warm.start(asked, self._is_over)
        if not isinstance(started, WarmStarted):
            return started
        self._how = "warm start"
        if started.imports_s > IMPORTS_S:
            self._how += f", imports {human_seconds(started.imports_s)}"
        return started.process

    def _watch(self, process: JobProcess) -> Ending:
        began = time.monotonic()
        limit_s = self._lease.job.max_duration_s
        over = None
        if self._part.is_first:  # what another node's files are called, the end says
            self._outputs.start()
        while not process.wait(TICK_S):
            if self._stale:
                raise StaleAttempt(f"attempt {self._lease.attempt} of {self._lease.run_id} no longer counts")
            if self._cancelled or self._part.is_stopped:
                process.end()
                break
            if self._parts.ended.is_set():
                process.end(ENDED_GRACE_S)
                over = f"Node {self._parts.name} was told to end while the script ran."
                break
            if limit_s and time.monotonic() - began > limit_s:
                process.end()
                over = f"The run took longer than max_run_duration_seconds={limit_s} allows, and was ended."
                break
            if time.monotonic() < self._rest_until:
                continue
            try:
                self._growing.advance()
            except PASSING as error:  # the script goes on; what it writes stays in its files
                log.info("run %s: %s", self._lease.run_id, error)
                self._rest_until = time.monotonic() + AGAIN_S
        self._over_at = time.monotonic()
        self._outputs.end()
        self._end_stragglers()  # a process that the script left behind might write for ever
        if not self._part.is_alone:  # the nodes of a run wait for each other first
            self._insist(self._growing.drain)
        return self._ending(process, over)

    def _insist(self, call: Callable[[], T]) -> T:
        """Make a call until the server takes it: its absence or full disk must not cost what a script has computed.

        Raises:
            StaleAttempt: the attempt no longer counts.
            Unavailable, StorageFailed: the node is told to end, and leaves the attempt to the next one.
            OSError: a file of this machine's cannot be read, also after `UNREADABLE_S`.
        """
        began = time.monotonic()
        while True:
            try:
                return call()
            except (Unavailable, StorageFailed) as error:
                if self._stale:
                    raise StaleAttempt(
                        f"attempt {self._lease.attempt} of {self._lease.run_id} was taken away"
                    ) from error
                if self._parts.ended.is_set():
                    raise
                log.info("run %s: %s", self._lease.run_id, error)
                self._parts.ended.wait(AGAIN_S)
            except OSError as error:
                if self._stale or self._parts.ended.is_set() or time.monotonic() - began > UNREADABLE_S:
                    raise
                log.warning("run %s: %s", self._lease.run_id, error)
                self._parts.ended.wait(AGAIN_S)

    def _end_stragglers(self) -> None:
        """End what the script started and left, also in sessions of its own."""
        if self._process is not None:
            self._process.kill()
        journals = str(self._journals)
        is_short = self._adopted is None and time.monotonic() - self._leased_at < SHORT_S
        end_marked(
            str(self._parts.home),
            lambda found: found.variables.get("AMLET_JOURNAL_DIR") == journals,
            since=self._process.mark if self._process is not None and is_short else None,
        )

    def _give_up(self, error: Exception) -> None:
        ending = given_up(error)
        try:
            self._tell_end(self._end(ending, [], self._lost(), collected=False))
        except AmletError as refused:
            log.error("attempt %s of %s: %s", self._lease.attempt, self._lease.run_id, refused)

    def _ending(self, process: JobProcess, over: str | None) -> Ending:
        result = self._insist(lambda: Result.read(self._folder))
        if over is not None:
            return cut_short(over, is_nodes_fault=self._parts.ended.is_set())
        number = process.signal_number()
        return of_script(
            result,
            signal_number=number,
            reason=process.reason() if result is None else None,
            overrun=self._limits.overrun(was_killed=may_be_the_kernels(result, number)),
            is_cancelled=self._cancelled,
            is_stopped=self._part.is_stopped,
        )

    def _whole(self, ending: Ending) -> Ending:
        """The end of this node's processes, once those of the run's other nodes have ended too."""
        ending = ending._replace(error=self._part.named(ending.error, self._folder))
        if not self._part.is_first:
            return ending
        told = ending.told(self._lease.attempt)
        self._insist(lambda: self._part.wait_for_others(told, self._go_on))
        return Ending(runs.CANCELED, ending.exit_code) if self._cancelled else ending

    def _is_over(self) -> bool:
        return self._cancelled or self._stale or self._parts.ended.is_set()

    def _go_on(self) -> None:
        if self._stale:
            raise StaleAttempt(f"attempt {self._lease.attempt} of {self._lease.run_id} no longer counts")
        if self._parts.ended.is_set():
            raise Unavailable(f"Node {self._parts.name} was told to end while other nodes of the run went on.")

    def _end(
        self, ending: Ending, outputs: list[Entry], said: list[RunWarning], *, collected: bool = True
    ) -> SettleAttempt:
        ended_s = time.monotonic() - self._over_at if self._over_at else 0.0
        return ending.told(self._lease.attempt, outputs, said, collected=collected, ended_s=ended_s)

    def _tell_end(self, asked: SettleAttempt) -> list[str]:
        """Tell the end, and what was not sent before it.

        Returns:
            The blobs to send first.
        """
        if not self._part.is_first:
            return self._insist(lambda: self._part.end(asked)).missing
        if self._last is not None:
            answer = self._settled(asked._replace(logs=self._last.logs, journals=self._last.journals))
            if not answer.behind:
                return answer.missing
            self._last = None
            self._insist(self._growing.drain)
        return self._settled(asked).missing

    def _settled(self, asked: SettleAttempt) -> SettleAnswer:
        if self._adopted is None and not self._parts.ended.is_set():
            asked = asked._replace(then=TakeLease(self._parts.name, self._parts.pool))
        answer = self._insist(lambda: self._client.nodes.settle(*self._key, asked))
        self.following = answer.lease
        return answer

    def _tell_finalizing(self) -> None:
        if self._part.is_first:
            self._insist(lambda: self._client.nodes.finalizing(*self._key, AttemptQuery(self._lease.attempt)))

    def _settle(self, ending: Ending) -> None:
        if self._lease.job.outputs or is_larger(self._work, ("outputs", "logs"), LARGE_BYTES):
            self._tell_finalizing()
        ending, brought = self._bring_data(ending)
        self._last = self._insist(self._growing.last) if self._part.is_alone else None
        if self._last is None:
            self._insist(self._growing.drain)
        kept = self._folder / FOLDER
        self._insist(lambda: bring_kept(self._client, *self._key, kept, log.info))
        entries, warnings = self._insist(self._collect)
        said = [*self._lost(), *(RunWarning("outputs", text) for text in [*warnings, *brought])]
        for _ in range(5):
            told = self._part.entries(entries)
            missing = self._tell_end(self._end(ending, told, said))
            if not missing:
                return
            self._tell_finalizing()
            sources: Sources = {entry.sha256: (self._work / entry.path, entry.size_bytes) for entry in entries}
            try:
                self._insist(partial(send_missing, self._client, self._lease.workspace_id, missing, sources))
            except InvalidInput:  # a process that the script left behind still writes: take the files as they are now
                entries, warnings = self._insist(self._collect)
        text = (
            "Files of ./outputs changed while they were collected: what is kept of them was seen while the script ran."
        )
        said.append(RunWarning("outputs", text))
        self._tell_end(self._end(ending, [], said, collected=False))

    def _bring_data(self, ending: Ending) -> tuple[Ending, list[str]]:
        """Bring the job's outputs to their datastores. A run whose output cannot be brought is not completed."""
        if ending.outcome == runs.CANCELED or not self._lease.job.outputs:
            return ending, []
        completed = ending.outcome == runs.COMPLETED
        try:
            told = self._insist(lambda: self._data.bring(self._say, completed=completed))
        except (StaleAttempt, Unavailable, StorageFailed):
            raise
        except AmletError as error:
            if not completed:
                return ending, [str(error)]
            return ending.without_an_output(error), []
        return ending, told

    def _lost(self) -> list[RunWarning]:
        """What the script logged while its disk was full."""
        lost = losses.losses_of(self._journals)
        return [RunWarning("metrics", lost.sentence)] if lost is not None else []

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
        job = self._lease.job
        given = [item.path_on_compute for item in job.inputs] + [output.source for output in job.outputs]
        elsewhere = tuple(f"{path.strip('/')}/" for path in given if path)
        known = {entry.path for entry in self._lease.snapshot.entries}
        found = []
        for path in sorted(self._work.rglob("*")):
            relative = path.relative_to(self._work).as_posix()
            if f"{relative}/".startswith(("outputs/", "logs/", *elsewhere)) or "__pycache__" in path.parts:
                continue
            if relative not in known and path.is_file():
                found.append(relative)
        return found

    def _keep_lease(self) -> None:
        asked = RenewLease(self._lease.attempt, self._parts.name, RENEW_WAIT_S)
        self._stop.wait(self._rest_s)
        while not self._stop.is_set():
            try:
                state = self._parts.client.nodes.renew(*self._key, self._part.renewal(asked), patience_s=5.0)
            except (StaleAttempt, NotFound) as error:
                log.info("lease of %s: %s", self._lease.run_id, error)
                self._stale = True
                return
            except Unavailable:
                self._stop.wait(0.5)
            except Exception as error:  # noqa: BLE001 - a full disk, another program on the server's port: not for ever
                log.info("lease of %s: %s", self._lease.run_id, error)
                self._stop.wait(AGAIN_S)
            else:
                self._part.hear(state)
                self._cancelled = self._cancelled or state.cancel
                if state.cancel and self._part.is_alone:
                    asked = asked._replace(wait_s=0.0)
                    self._stop.wait(RENEW_WAIT_S)
