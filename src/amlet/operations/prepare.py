"""Prepare environments: each is resolved once for all runs and services that wait for it, and built once where some of
them run on this machine; other machines build from the lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from amlet.artifacts.logs import LogFolder
from amlet.base.clock import Clock
from amlet.base.errors import AmletError, EnvironmentFailed, InvalidInput
from amlet.base.units import human_seconds
from amlet.domain import run as runs
from amlet.domain.environment import RUNNING, EnvironmentBuild, EnvironmentSpec, Lock
from amlet.domain.run import Run, RunError
from amlet.domain.service import Service
from amlet.environments import Environments
from amlet.operations import build_environment, replicas
from amlet.operations.build_environment import build_topic
from amlet.operations.collect import append_log
from amlet.operations.room import is_here
from amlet.operations.settle import end
from amlet.operations.submit import enqueue
from amlet.store.base import Records, Transaction

BUILD_LOG = "azureml-logs/20_image_build_log.txt"
"""v1-behaviours 3.6."""

FLUSH_S = 0.2


class Waiting(NamedTuple):
    """Who waits for one environment."""

    spec: EnvironmentSpec
    runs: list[Run]
    services: list[Service]
    builds: list[tuple[EnvironmentBuild, int]]
    """Asked for apart from runs, each with its log's number."""
    afar: frozenset[str] = frozenset()
    """The runs, by id, whose nodes stand on other machines."""
    services_afar: tuple[Service, ...] = ()
    """Services whose nodes stand there."""

    @property
    def built_here(self) -> bool:
        """Whether somebody needs the build on this machine."""
        return bool(self.services or self.builds) or any(run.id not in self.afar for run in self.runs)

    @property
    def anew(self) -> bool:
        """Whether somebody wants it resolved again."""
        return any(build.anew for build, _ in self.builds)

    @property
    def offline(self) -> bool:
        """Whether all who wait want what the cache has."""
        return (
            not self.runs
            and not self.services
            and not self.services_afar
            and all(build.offline for build, _ in self.builds)
        )


class Preparer:
    """Resolves and builds in threads, one a distinct environment.

    `pass_over` may be called as often as one likes, from one thread: what is in hand is left alone, so that after a
    restart the first call takes up whatever waits.
    """

    def __init__(self, records: Records, environments: Environments, logs: LogFolder, clock: Clock) -> None:
        self._records = records
        self._environments = environments
        self._logs = logs
        self._clock = clock
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """The server ends: what is in hand breaks off, and is taken up by the next one."""
        self._closed = True

    def pass_over(self) -> None:
        """Start the work for every environment that somebody waits for."""
        for key, waiting in self._records.read(_waiting).items():
            with self._lock:
                if key in self._in_hand:
                    continue
                self._in_hand.add(key)
            threading.Thread(target=self._prepare, args=(key, waiting), name=f"prepare-{key[:8]}", daemon=True).start()

    def _prepare(self, key: str, waiting: Waiting) -> None:
        log = _BuildLog(lambda text: self._records.write(lambda tx: self._tell(tx, key, text)))
        began = self._clock.monotonic()
        lock: Lock | None = None
        error: AmletError | None = None
        try:
            self._records.write(lambda tx: _begin(tx, waiting)).result()
            with self._environments.network(offline=waiting.offline):
                lock = self._make(key, waiting, log.line)
            log.line(f"Ready after {human_seconds(self._clock.monotonic() - began)}.")
        except AmletError as failure:
            error = failure
            log.line(str(failure))
        except Exception as failure:  # noqa: BLE001 - whatever happens here, those who wait must be told
            error = AmletError(
                f"Preparing environment {waiting.spec.name} ended with {type(failure).__name__}: {failure}"
            )
            log.line(str(error))
        try:
            if self._closed:
                return
            log.flush()
            if error is None and lock is not None:
                done = lock
                self._records.write(lambda tx: self._succeed(tx, key, done, began, waiting)).result()
            else:
                self._records.write(lambda tx: self._fail(tx, key, error, waiting)).result()
        finally:
            with self._lock:
                self._in_hand.discard(key)

    def _make(self, key: str, waiting: Waiting, log: Callable[[str], None]) -> Lock:
        kept, kept_by = None, self._kept_by(key, waiting)
        if not waiting.anew:
            kept = self._records.read(lambda tx: tx.locks.resolved(kept_by, self._environments.platform))
        if kept is not None:
            log(f"Environment {waiting.spec.name}: resolved before; taking what is recorded.")
        lock = kept or self._environments.resolve(waiting.spec, log, here=waiting.built_here)
        if not waiting.built_here:
            log("It is built by the machine that runs it: azureml-logs/65_job_prep.txt.")
            return lock
        self._environments.build(lock, log)
        if waiting.spec.container is not None and lock.image is not None:
            self._environments.contained(waiting.spec.container, lock, log)
        return lock

    def _kept_by(self, key: str, waiting: Waiting) -> str:
        is_theirs = waiting.spec.user_managed and waiting.spec.container is None and not waiting.built_here
        return self._environments.kept_afar_by(key) if is_theirs else self._environments.kept_by(key)

    def _tell(self, tx: Transaction, key: str, text: str) -> None:
        data = text.encode("utf-8", "replace")
        waiting = _waiting(tx).get(key)
        for run in waiting.runs if waiting else []:
            append_log(tx, self._logs, run, BUILD_LOG, 0, data)
        for build, log in waiting.builds if waiting else []:
            if build.status == RUNNING:
                self._logs.write(log, 0, data)
                tx.touch(build_topic(build.id))

    def _succeed(self, tx: Transaction, key: str, lock: Lock, began: float, known: Waiting) -> None:
        now = self._clock.now()
        tx.locks.add(lock, self._kept_by(key, known))
        took = human_seconds(self._clock.monotonic() - began)
        waiting = _waiting(tx).get(key)
        for run in waiting.runs if waiting else []:
            if known.built_here:
                enqueue(tx, run, lock, now, prepared=f"built in {took}")
            elif waiting is not None and run.id in waiting.afar:
                enqueue(tx, run, lock, now, prepared=f"resolved in {took}, built where it runs")
        for service in waiting.services if waiting and known.built_here else []:
            replicas.prepared(tx, service, lock, None, now)
        for service in waiting.services_afar if waiting else ():
            replicas.prepared(tx, service, lock, None, now)
        for build, log in _settled(waiting, known):
            build_environment.ended(tx, build, log, lock, None, now)

    def _fail(self, tx: Transaction, key: str, error: AmletError | None, known: Waiting) -> None:
        now = self._clock.now()
        waiting = _waiting(tx).get(key)
        code = "UserError" if isinstance(error, (EnvironmentFailed, InvalidInput)) else "SystemError"
        if waiting is not None and not known.offline:  # who came meanwhile asked for no less than the network
            for run in waiting.runs:
                end(tx, run, runs.FAILED, now, RunError(code, str(error), type(error).__name__))
            for service in (*waiting.services, *waiting.services_afar):
                replicas.prepared(tx, service, None, str(error), now)
        for build, log in _settled(waiting, known):
            build_environment.ended(tx, build, log, None, str(error), now)


def _begin(tx: Transaction, waiting: Waiting) -> None:
    for build, log in waiting.builds:
        build_environment.begun(tx, build, log)


def _settled(waiting: Waiting | None, known: Waiting) -> list[tuple[EnvironmentBuild, int]]:
    """The builds that this work answers: one that came too late and wants more has another turn."""
    taken = {build.id for build, _ in known.builds}

    def is_answered(build: EnvironmentBuild) -> bool:
        return build.id in taken or not (build.anew or not known.built_here or (known.offline and not build.offline))

    return [held for held in (waiting.builds if waiting else []) if is_answered(held[0])]


def _waiting(tx: Transaction) -> dict[str, Waiting]:
    found: dict[str, Waiting] = {}
    for run in tx.runs.with_status((runs.PREPARING,)):
        spec = tx.runs.job(run.workspace_id, run.id).environment
        waiting = found.setdefault(spec.content_key(), Waiting(spec, [], [], []))
        waiting.runs.append(run)
        if not is_here(tx, run.pool):
            found[spec.content_key()] = waiting._replace(afar=waiting.afar | {run.id})
    for key, (spec, here, afar) in replicas.unresolved(tx).items():
        waiting = found.setdefault(key, Waiting(spec, [], [], []))
        waiting.services.extend(here)
        found[key] = waiting._replace(services_afar=tuple(afar))
    for build, log in tx.environment_builds.active():
        found.setdefault(build.spec.content_key(), Waiting(build.spec, [], [], [])).builds.append((build, log))
    return found


class _BuildLog:
    """Gathers lines and hands on the whole text now and then, so that one who joins late sees it from its start."""

    def __init__(self, publish: Callable[[str], object]) -> None:
        self._publish = publish
        self._text = ""
        self._flushed = 0.0

    def line(self, text: str) -> None:
        self._text += text.rstrip("\n") + "\n"
        if time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        self._flushed = time.monotonic()
        self._publish(self._text)
