"""Build an environment apart from any run: asked for, followed, ended (v1-behaviours 10.11)."""

from __future__ import annotations

import codecs
from datetime import datetime

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import InvalidInput, NotFound
from amlet.base.ids import short_id
from amlet.domain.environment import FAILED, QUEUED, RUNNING, SUCCEEDED, EnvironmentBuild, Lock
from amlet.operations.describe import check_spec
from amlet.operations.texts import storable
from amlet.operations.transitions import RECONCILE
from amlet.store.base import Transaction
from amlet.wire.environments import BuildEnvironment, BuildState

LOG_PIECE = 1 << 20


def build_topic(build_id: str) -> str:
    """What a watcher of the build waits on."""
    return f"environment-build/{build_id}"


def build_environment(tx: Transaction, workspace_id: str, asked: BuildEnvironment, now: datetime) -> EnvironmentBuild:
    """Ask for a build; the preparer takes it up.

    Raises:
        InvalidInput: with every fault of the spec.
    """
    tx.workspaces.get(workspace_id)
    faults = check_spec(asked.spec)
    if faults:
        raise InvalidInput.of(faults, subject="the environment")
    build = EnvironmentBuild(
        short_id("build"), workspace_id, asked.spec, asked.anew, QUEUED, None, None, now, None, asked.offline
    )
    tx.environment_builds.save(build, tx.files.new_log())
    tx.touch(RECONCILE)
    return build


def find_build(tx: Transaction, workspace_id: str, build_id: str) -> tuple[EnvironmentBuild, int]:
    """A build and its log's number."""
    found = tx.environment_builds.find(workspace_id, build_id)
    if found is None:
        raise NotFound(f"There is no build {build_id[:100]!r} of an environment in this workspace.")
    return found


def build_state(tx: Transaction, logs: LogFolder, workspace_id: str, build_id: str, offset: int) -> BuildState:
    """How a build is, with its log from an offset on."""
    if offset < 0:
        raise InvalidInput(f"An offset is 0 or more, got {offset}.")
    build, log = find_build(tx, workspace_id, build_id)
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(logs.read(log, offset, LOG_PIECE))
    lock = tx.locks.get(build.lock_id) if build.lock_id else None
    return BuildState(build, text, offset + len(text.encode("utf-8")), lock)


def begun(tx: Transaction, build: EnvironmentBuild, log: int) -> None:
    """The preparer has it in hand."""
    if build.status == QUEUED:
        _save(tx, build._replace(status=RUNNING), log)


def ended(
    tx: Transaction, build: EnvironmentBuild, log: int, lock: Lock | None, error: str | None, now: datetime
) -> None:
    """It is built, or cannot be."""
    outcome = SUCCEEDED if lock is not None else FAILED
    why = storable(error) if error is not None else None
    _save(tx, build._replace(status=outcome, error=why, lock_id=lock.id if lock else None, ended=now), log)


def _save(tx: Transaction, build: EnvironmentBuild, log: int) -> None:
    tx.environment_builds.save(build, log)
    tx.touch(build_topic(build.id))
