"""Files of a run while its script goes on, and at its end."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.base.errors import Conflict, InvalidInput
from amlet.domain.artifact import BlobLocation, Entry
from amlet.operations import collect, lease, settle
from amlet.wire.nodes import AttemptStarted, LiveOutputs, SettleAttempt

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def entry(name: str, sha256: str) -> Entry:
    return Entry(f"outputs/{name}", sha256, 1)


class Job:
    """A run whose script is at work."""

    def __init__(self, world: Any) -> None:
        world.hello()
        self.world = world
        self.id = world.submit().id
        world.take()
        world.do(lambda tx: lease.started(tx, world.workspace_id, self.id, AttemptStarted(1, ""), world.now))
        world.do(lambda tx: tx.blobs.add([BlobLocation(sha256, 1) for sha256 in (ONE, TWO, THREE)]))

    def see(self, *entries: Entry, known: dict[str, str] | None = None, gone: tuple[str, ...] = ()) -> Any:
        paths = {f"outputs/{name}": sha256 for name, sha256 in (known or {}).items()}
        seen = LiveOutputs(1, list(entries), paths, [f"outputs/{name}" for name in gone])
        return self.world.do(lambda tx: collect.put_live(tx, self._run(tx), seen))

    def put(self, *entries: Entry, replace: bool = False, live: bool = False) -> Any:
        return self.world.do(lambda tx: collect.put_files(tx, self._run(tx), entries, replace=replace, live=live))

    def settle(self, *entries: Entry, collected: bool = True) -> Any:
        world = self.world
        asked = SettleAttempt(1, "Completed", 0, None, list(entries), [], collected=collected)
        return world.do(lambda tx: settle.settle(tx, world.workspace_id, self.id, asked, world.now))

    def files(self) -> dict[str, str | None]:
        held = self.world.look(lambda tx: tx.files.list(self.world.workspace_id, self.id))
        return {file.path.removeprefix("outputs/"): file.sha256 for file in held}

    def _run(self, tx: Any) -> Any:
        return lease.current(tx, self.world.workspace_id, self.id, 1)


@pytest.fixture
def job(world: Any) -> Job:
    return Job(world)


def test_outputs_are_files_of_the_run_before_its_end_and_wake_its_watchers(job: Job) -> None:  # complaint 16
    before = job.world.run(job.id).revision
    assert job.see(entry("a", ONE)).missing == []
    assert job.files() == {"a": ONE}
    assert job.world.run(job.id).revision > before
    between = job.world.run(job.id).revision
    job.see(entry("a", ONE), known={"a": ONE})
    assert job.world.run(job.id).revision == between


def test_blobs_that_are_not_there_are_asked_for_first(job: Job) -> None:
    assert job.see(entry("a", ONE), entry("b", "4" * 64)).missing == ["4" * 64]
    assert job.files() == {}


def test_only_what_the_node_knows_of_is_replaced_or_removed(job: Job) -> None:
    job.see(entry("a", ONE))
    job.put(entry("a", TWO), replace=True, live=True)  # the script hands in what it has written since
    assert job.see(entry("a", THREE), known={"a": ONE}).others == {"outputs/a": TWO}
    job.see(known={"a": ONE}, gone=("a",))
    assert job.files() == {"a": TWO}
    assert job.see(entry("a", THREE), known={"a": TWO}).others == {}
    assert job.files() == {"a": THREE}
    job.see(known={"a": THREE}, gone=("a", "never"))
    assert job.files() == {}


def test_what_was_uploaded_by_name_stays_until_the_end(job: Job) -> None:
    job.put(entry("a", ONE))
    assert job.see(entry("a", TWO), known={"a": ONE}).others == {}
    job.see(known={"a": ONE}, gone=("a",))
    assert job.files() == {"a": ONE}
    with pytest.raises(Conflict):  # v1-behaviours 3.10
        job.put(entry("a", TWO))


def test_a_script_may_upload_under_a_name_that_was_only_seen(job: Job) -> None:
    job.see(entry("a", ONE))
    job.put(entry("a", TWO))
    with pytest.raises(Conflict):
        job.put(entry("a", THREE))
    job.settle()
    assert job.files() == {"a": TWO}


def test_what_is_there_at_the_end_is_the_truth(job: Job) -> None:
    job.see(entry("kept", ONE), entry("changed", ONE), entry("removed", ONE))
    job.put(entry("uploaded", ONE))
    job.settle(entry("kept", ONE), entry("changed", TWO), entry("new", THREE))
    assert job.files() == {"kept": ONE, "changed": TWO, "new": THREE, "uploaded": ONE}


def test_what_was_seen_stays_when_nothing_could_be_collected(job: Job) -> None:
    job.see(entry("a", ONE))
    job.settle(collected=False)
    assert job.files() == {"a": ONE}


def test_what_was_seen_of_a_lost_run_is_overwritten_by_nobody(job: Job) -> None:
    job.see(entry("a", ONE))
    job.world.do(lambda tx: settle.lose(tx, tx.runs.get(job.world.workspace_id, job.id), "local", job.world.now))
    run = job.world.run(job.id)
    with pytest.raises(Conflict):
        job.world.do(lambda tx: collect.put_files(tx, run, [entry("a", TWO)], replace=False))
    assert job.files() == {"a": ONE}


@pytest.mark.parametrize("path", ["logs/a", "outputs", "outputs/../a", "other"])
def test_a_node_tells_of_outputs_alone(job: Job, path: str) -> None:
    with pytest.raises(InvalidInput):
        job.see(Entry(path, ONE, 1))
