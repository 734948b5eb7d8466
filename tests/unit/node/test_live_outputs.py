"""What the node sends of ./outputs while the script runs, and how often."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import InvalidInput, StaleAttempt
from amlet.node import live_outputs
from amlet.node.live_outputs import Watch
from amlet.wire.nodes import LiveAnswer, LiveOutputs


class Server:
    """A client, as far as the watch uses one: it has all blobs, and notes what it is told."""

    def __init__(self) -> None:
        self.nodes = self
        self.told: list[LiveOutputs] = []
        self.others: dict[str, str] = {}
        self.raises: Exception | None = None
        self.now = 100.0
        self.takes_s = 0.0

    def put_outputs(self, _workspace: str, _run: str, asked: LiveOutputs) -> LiveAnswer:
        self.now += self.takes_s
        if self.raises is not None:
            raise self.raises
        self.told.append(asked)
        return LiveAnswer([], self.others)

    def monotonic(self) -> float:
        return self.now

    def paths(self) -> list[list[str]]:
        found = [[entry.path.removeprefix("outputs/") for entry in asked.entries] for asked in self.told]
        self.told.clear()
        return found


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "out puts 'é"
    found.mkdir()
    return found


@pytest.fixture
def watch(server: Any, folder: Path) -> Watch:
    return Watch(server, "w", "r", 1, folder, monotonic=server.monotonic)


def looked(watch: Watch, server: Server, seconds: float = 2.0) -> list[list[str]]:
    """What one look sends."""
    server.now += seconds
    watch.send(watch.look())
    return server.paths()


def test_a_file_is_sent_when_two_looks_find_it_the_same_and_then_no_more(
    watch: Watch, server: Server, folder: Path
) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "model.pkl").write_bytes(b"x")
    assert looked(watch, server) == []
    assert looked(watch, server) == [["deep/model.pkl"]]
    assert looked(watch, server) == []


def test_a_file_that_grows_from_look_to_look_is_left_alone(watch: Watch, server: Server, folder: Path) -> None:
    for size in range(1, 6):
        (folder / "log").write_bytes(bytes(size))
        assert looked(watch, server) == []
    assert looked(watch, server) == [["log"]]


def test_a_file_that_changes_takes_the_place_of_what_was_sent(watch: Watch, server: Server, folder: Path) -> None:
    (folder / "a").write_bytes(b"one")
    looked(watch, server)
    watch.send(watch.look())
    (first,) = server.told
    (folder / "a").write_bytes(b"three")
    looked(watch, server)
    watch.send(watch.look())
    assert server.told[-1].known == {"outputs/a": first.entries[0].sha256}


def test_a_changing_file_rests_ten_times_as_long_as_its_sending_took(
    watch: Watch, server: Server, folder: Path
) -> None:
    server.takes_s = 3.0
    (folder / "a").write_bytes(b"1")
    looked(watch, server)
    assert looked(watch, server) == [["a"]]
    (folder / "a").write_bytes(b"22")
    assert looked(watch, server) == []
    assert looked(watch, server, 27.9) == []
    assert looked(watch, server, 0.2) == [["a"]]


def test_many_files_go_in_batches_the_smallest_first(watch: Watch, server: Server, folder: Path) -> None:
    for number in range(live_outputs.BATCH_FILES + 5):
        (folder / f"{number:04}").write_bytes(b"x")
    (folder / "large").write_bytes(b"xx")
    looked(watch, server)
    assert [len(batch) for batch in looked(watch, server)] == [live_outputs.BATCH_FILES]
    (rest,) = looked(watch, server)
    assert len(rest) == 6
    assert rest[-1] == "large"
    assert looked(watch, server) == []


def test_no_more_files_are_looked_at_than_the_limit(
    watch: Watch, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_outputs, "FILES_LIMIT", 3)
    for number in range(5):
        (folder / str(number)).write_bytes(b"x")
    looked(watch, server)
    (sent,) = looked(watch, server)
    assert len(sent) == 3
    assert looked(watch, server) == []


def test_a_file_that_is_gone_is_told_once(watch: Watch, server: Server, folder: Path) -> None:
    (folder / "a").write_bytes(b"x")
    (folder / "never-sent").write_bytes(b"x")
    looked(watch, server)
    (folder / "never-sent").unlink()
    watch.send(watch.look())
    sha256 = server.told.pop().entries[0].sha256
    (folder / "a").unlink()
    watch.send(watch.look())
    (told,) = server.told
    assert (told.entries, told.gone, told.known) == ([], ["outputs/a"], {"outputs/a": sha256})
    server.told.clear()
    assert looked(watch, server) == []


def test_what_the_script_handed_in_meanwhile_is_learnt_and_then_compared(
    watch: Watch, server: Server, folder: Path
) -> None:
    (folder / "a").write_bytes(b"x")
    looked(watch, server)
    server.others = {"outputs/a": "f" * 64}
    assert looked(watch, server) == [["a"]]
    server.others = {}
    server.now += 10
    watch.send(watch.look())
    assert server.told[-1].known == {"outputs/a": "f" * 64}


def test_when_much_was_replaced_the_rest_waits_for_the_end(
    watch: Watch, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_outputs, "SPARE_BYTES", 250)
    sent = 0
    for number in range(10):
        (folder / "checkpoint").write_bytes(bytes([number]) * 100)
        looked(watch, server)
        sent += len(looked(watch, server))
    assert sent == 4  # three of them were replaced
    assert len(looked(watch, server, 3600)) == 1  # the server frees them hourly


def test_a_failure_is_made_good_by_a_later_look(watch: Watch, server: Server, folder: Path) -> None:
    (folder / "a").write_bytes(b"x")
    looked(watch, server)
    server.raises = OSError("away")
    with pytest.raises(OSError, match="away"):
        looked(watch, server)
    server.raises = None
    assert looked(watch, server) == [["a"]]


def test_after_a_file_that_changed_while_it_was_sent_smaller_batches_find_the_others(
    watch: Watch, server: Server, folder: Path
) -> None:
    for name in "abc":
        (folder / name).write_bytes(b"x")
    looked(watch, server)
    server.raises = InvalidInput("a was changed while it was sent")
    assert looked(watch, server) == []
    server.raises = None
    assert [len(looked(watch, server)[0]) for _ in range(2)] == [1, 2]


def test_what_is_no_regular_file_or_has_no_name_is_passed_over(watch: Watch, server: Server, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"x")
    (folder / "target").write_bytes(b"x")
    (folder / "link").symlink_to("target")
    looked(watch, server)
    (sent,) = looked(watch, server)
    assert sorted(sent) == ["link", "target"]
    assert looked(watch, server) == []


def test_a_folder_that_is_not_there_sends_nothing(server: Any, tmp_path: Path) -> None:
    watch = Watch(server, "w", "r", 1, tmp_path / "none", monotonic=server.monotonic)
    assert looked(watch, server) == []


def test_an_attempt_that_no_longer_counts_ends_the_watch(
    watch: Watch, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_outputs, "LOOK_S", 0.0)
    monkeypatch.setattr(live_outputs, "BUSY_SHARE", 0)
    (folder / "a").write_bytes(b"x")
    server.raises = StaleAttempt("over")
    watch.run()  # returns
    watch.end()
    watch.run()
