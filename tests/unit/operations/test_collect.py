"""Files of a run while its script goes on, and at its end."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import Conflict, InvalidInput
from amlet.domain.artifact import BlobLocation, Entry
from amlet.operations import collect, lease, settle
from amlet.wire.nodes import AttemptStarted, LastBytes, LiveOutputs, SettleAnswer, SettleAttempt

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


def last(name: str, offset: int, text: str) -> LastBytes:
    return LastBytes(name, offset, base64.b64encode(text.encode()).decode())


class Ending:
    """The end of a job that comes with the last of its log and its journal."""

    LOG, JOURNAL = "user_logs/std_log.txt", "1.jsonl"

    def __init__(self, job: Job, folder: Path) -> None:
        self._job = job
        self._logs = LogFolder(folder)
        self._key = (job.world.workspace_id, job.id)

    def append(self, offset: int, text: str) -> None:
        run = self._job._run
        self._do(lambda tx: collect.append_log(tx, self._logs, run(tx), self.LOG, offset, text.encode()))

    def drain(self, offset: int, text: str) -> None:
        self._do(lambda tx: collect.drain(tx, self._job._run(tx), self.JOURNAL, offset, text.encode()))

    def settle(self, *, logs: list[LastBytes] | None = None, journals: list[LastBytes] | None = None) -> Any:
        asked = SettleAttempt(1, "Completed", 0, None, [], [], logs=logs or [], journals=journals or [], ended_s=2.0)
        now = self._job.world.now + timedelta(seconds=10)
        return self._do(lambda tx: settle.settle_all(tx, self._logs, *self._key, asked, now))

    def held(self) -> tuple[int, int]:
        """The bytes of the log, and those of the journal that were taken."""
        look = self._job.world.look
        files = look(lambda tx: tx.files.list(*self._key))
        log = next((file.size_bytes for file in files if file.path == self.LOG), 0)
        return log, look(lambda tx: tx.metrics.drained(*self._key, self.JOURNAL))

    def run(self) -> Any:
        return self._job.world.run(self._job.id)

    def _do(self, work: Any) -> Any:
        return self._job.world.do(work)


HEAD = '{"format": 1}\n'
POINT = '{"n":"a","k":"scalar","v":1.0,"t":1.0}\n'


@pytest.fixture
def ending(job: Job, tmp_path: Path) -> Ending:
    return Ending(job, tmp_path)


def test_the_last_of_logs_and_metrics_comes_with_the_end(ending: Ending) -> None:
    answer = ending.settle(
        logs=[last(ending.LOG, 0, "hello\n")], journals=[last(ending.JOURNAL, 0, HEAD + POINT + '{"n":"torn')]
    )
    assert answer == SettleAnswer([])
    assert ending.held() == (6, len(HEAD + POINT))
    run = ending.run()
    assert run.status == "Completed"
    assert (run.ended - run.stages[-1].started).total_seconds() == 2.0


def test_what_is_there_already_is_not_taken_again(ending: Ending) -> None:
    ending.append(0, "hello\n")
    ending.drain(0, HEAD)
    answer = ending.settle(
        logs=[last(ending.LOG, 0, "hello\nagain\n")], journals=[last(ending.JOURNAL, 0, HEAD + POINT)]
    )
    assert not answer.behind
    assert ending.held() == (12, len(HEAD + POINT))


@pytest.mark.parametrize("kind", ["logs", "journals"])
def test_an_end_does_not_come_before_what_was_before_it(ending: Ending, kind: str) -> None:
    name = ending.LOG if kind == "logs" else ending.JOURNAL
    assert ending.settle(**{kind: [last(name, 100, POINT)]}).behind
    assert ending.held() == (0, 0)
    assert not ending.run().is_over


def test_last_bytes_that_are_no_base64_are_refused(ending: Ending) -> None:
    with pytest.raises(InvalidInput, match="base64"):
        ending.settle(logs=[LastBytes(ending.LOG, 0, "é")])
    assert not ending.run().is_over
