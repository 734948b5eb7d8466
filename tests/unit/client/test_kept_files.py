"""Files written down before they are brought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import Conflict, StaleAttempt
from amlet.client.kept_files import KeptFiles, bring_kept
from amlet.domain.artifact import Entry
from amlet.wire.files import Hashes, TreeAnswer
from amlet.wire.packs import read_pack
from amlet.wire.server import Done


class FakeServer:
    """Holds blobs and files of one run. Plays the client and its nouns in one."""

    url = "http://a"
    patience_s = 0.0

    def __init__(self) -> None:
        self.blobs = self.runs = self
        self.held: dict[str, bytes] = {}
        self.files: dict[str, str] = {}
        self.refusal: Exception | None = None

    def patient(self, _patience_s: float) -> FakeServer:
        return self

    def missing(self, _workspace: str, hashes: Hashes) -> Hashes:
        return Hashes([sha256 for sha256 in hashes.sha256 if sha256 not in self.held])

    def put_pack(self, _workspace: str, data: Any, _size: int) -> Done:
        self.held.update(read_pack(data()))
        return Done()

    def put_files(self, _workspace: str, _run: str, asked: Any) -> TreeAnswer:
        if self.refusal is not None:
            raise self.refusal
        if any(self.files.get(entry.path, entry.sha256) != entry.sha256 for entry in asked.entries):
            raise Conflict(f"has {asked.entries[0].path}")
        missing = [entry.sha256 for entry in asked.entries if entry.sha256 not in self.held]
        if not missing:
            self.files.update({entry.path: entry.sha256 for entry in asked.entries})
        return TreeAnswer("t", missing)


def bring(server: Any, folder: Path) -> list[str]:
    told: list[str] = []
    bring_kept(server, "w", "r", folder, told.append)
    return told


def test_what_was_written_down_is_brought_once(tmp_path: Path) -> None:
    kept, server = KeptFiles(tmp_path / "files"), FakeServer()
    first, second = kept.add("größe 'x'.png", b"one"), kept.add("b", b"two")
    assert first == Entry("größe 'x'.png", first.sha256, 3)
    assert kept.entries() == [first, second]
    for _ in range(2):
        assert bring(server, tmp_path / "files") == []
        assert server.files == {first.path: first.sha256, "b": second.sha256}
    assert server.held[first.sha256] == b"one"


def test_a_folder_that_was_never_made_holds_nothing(tmp_path: Path) -> None:
    assert bring(FakeServer(), tmp_path / "none") == []


def test_a_torn_line_is_no_file_and_spoils_none(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path)
    kept.add("a", b"one")
    with (tmp_path / "index.jsonl").open("ab") as index:
        index.write(b'["b", "torn\n["c"')
    assert [entry.path for entry in kept.entries()] == ["a"]


def test_what_was_brought_already_needs_no_bytes(tmp_path: Path) -> None:
    kept, server = KeptFiles(tmp_path), FakeServer()
    one, two = kept.add("a", b"one"), kept.add("b", b"two")
    server.held[one.sha256] = b"one"
    Path(kept.place_of(one.sha256)).unlink()
    bring(server, tmp_path)
    assert server.files == {"a": one.sha256, "b": two.sha256}


def test_bytes_that_nobody_has_any_more_hold_up_no_others(tmp_path: Path) -> None:
    kept, server = KeptFiles(tmp_path), FakeServer()
    one, two = kept.add("a", b"one"), kept.add("b", b"two")
    Path(kept.place_of(one.sha256)).unlink()
    bring(server, tmp_path)
    assert server.files == {"b": two.sha256}


def test_a_name_that_is_taken_is_told_and_holds_up_no_others(tmp_path: Path) -> None:
    kept, server = KeptFiles(tmp_path), FakeServer()
    kept.add("a", b"one")
    two = kept.add("b", b"two")
    server.files["a"] = "other"
    assert bring(server, tmp_path) == ["has a"]
    assert server.files["b"] == two.sha256


def test_a_run_that_is_over_is_told_by_its_error(tmp_path: Path) -> None:
    server = FakeServer()
    KeptFiles(tmp_path).add("a", b"one")
    server.refusal = StaleAttempt("over")
    with pytest.raises(StaleAttempt):
        bring(server, tmp_path)
