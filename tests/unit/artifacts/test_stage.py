"""Trees unpacked once and copied; what a run leaves, collected."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.artifacts.stage import ABANDONED_S, TreeCache, checked_entries, collect
from amlet.base.errors import Conflict, InvalidInput, StorageFailed, Unavailable
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry, Tree, tree_of

NOW = datetime.now(timezone.utc)


class Blobs:
    """Where trees come from: content by hash, and how often it was asked for."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.asked: list[str] = []

    def tree(self, files: dict[str, bytes], *, executable: str = "") -> Tree:
        self.content.update({sha256_bytes(data): data for data in files.values()})
        return tree_of([Entry(path, sha256_bytes(data), len(data), path == executable) for path, data in files.items()])

    def fetch(self, entries: list[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        for entry in reversed(entries):
            self.asked.append(entry.path)
            data = self.content[entry.sha256]
            yield entry, iter([data[:3], data[3:]])


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def cache(tmp_path: Path) -> TreeCache:
    return TreeCache(tmp_path / "trees")


def contents(folder: Path) -> dict[str, bytes]:
    return {place.relative_to(folder).as_posix(): place.read_bytes() for place in folder.rglob("*") if place.is_file()}


def cached(tmp_path: Path) -> list[Path]:
    return [place for place in (tmp_path / "trees").iterdir() if place.name != "locks"]


FILES = {"train.py": b"print(1)", "src/a b/ü.py": b"", "src/same.py": b"print(1)", "run.sh": b"#!/bin/sh", "é": b"x"}


def test_a_tree_is_fetched_once_and_staged_as_often_as_wanted(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    tree = blobs.tree(FILES, executable="run.sh")
    for number in range(3):
        cache.stage(tree, blobs.fetch, tmp_path / f"run {number}")
        assert contents(tmp_path / f"run {number}") == FILES
    assert len(blobs.asked) == 4  # equal content once
    assert os.access(tmp_path / "run 0/run.sh", os.X_OK)
    assert (tmp_path / "run 0/train.py").stat().st_mode & 0o111 == 0


def test_writing_to_staged_files_reaches_neither_the_cache_nor_another_run(
    cache: TreeCache, blobs: Blobs, tmp_path: Path
) -> None:
    tree = blobs.tree({"train.py": b"print(1)", "large.bin": b"x" * 300_000})
    cache.stage(tree, blobs.fetch, tmp_path / "one")
    (tmp_path / "one/train.py").write_bytes(b"print(2)")
    with (tmp_path / "one/large.bin").open("r+b") as large:
        large.write(b"changed")
    cache.stage(tree, blobs.fetch, tmp_path / "two")
    assert contents(tmp_path / "two") == {"train.py": b"print(1)", "large.bin": b"x" * 300_000}


def test_an_empty_tree_is_an_empty_folder(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    cache.stage(tree_of([]), blobs.fetch, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/other").touch()
    with pytest.raises(Conflict, match="holds other"):
        cache.stage(blobs.tree(FILES), blobs.fetch, tmp_path / "run")
    assert contents(tmp_path / "run") == {"other": b""}


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        (["../x"], "cannot name a file"),
        (["/etc/passwd"], "cannot name a file"),
        (["a/./b"], "cannot name a file"),
        (["a//b"], "cannot name a file"),
        (["a\0b"], "cannot name a file"),
        (["\udc80"], "cannot name a file"),
        (["a", "a/b"], "is a file and a folder"),
        (["a", "a-b", "a/b/c/d"], "is a file and a folder"),
        (["a", "a"], "is twice"),
        (["/".join("a" * 300)], "lies deeper than"),
    ],
)
def test_a_hostile_tree_is_refused_before_anything_is_written(
    cache: TreeCache, blobs: Blobs, tmp_path: Path, paths: list[str], why: str
) -> None:
    entries = [Entry(path, sha256_bytes(b"x"), 1) for path in paths]
    with pytest.raises(InvalidInput, match=why):
        cache.stage(Tree("any", entries), blobs.fetch, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_blob_of_two_sizes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has two sizes"):
        checked_entries(Tree("any", [Entry("a", "0" * 64, 1), Entry("b", "0" * 64, 2)]))


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("ab./\\\0~ "), min_size=1, max_size=8), max_size=6))
def test_no_checked_path_leaves_its_folder(paths: list[str]) -> None:
    try:
        entries = checked_entries(Tree("any", [Entry(path, "0" * 64, 0) for path in paths]))
    except InvalidInput:
        return
    for entry in entries:
        assert os.path.normpath(f"/root/{entry.path}") == f"/root/{entry.path}"


def test_the_id_that_a_tree_claims_is_not_believed(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    good = blobs.tree({"train.py": b"good"})
    evil = blobs.tree({"train.py": b"evil"})
    cache.stage(Tree(good.id, evil.entries), blobs.fetch, tmp_path / "one")
    cache.stage(good, blobs.fetch, tmp_path / "two")
    assert contents(tmp_path / "two") == {"train.py": b"good"}


@pytest.mark.parametrize("arrives", [b"other bytes!", b"shorter", b"longer than it was said", b""])
def test_a_blob_that_arrives_damaged_is_refused_and_leaves_nothing(
    cache: TreeCache, blobs: Blobs, tmp_path: Path, arrives: bytes
) -> None:
    tree = blobs.tree({"a": b"", "train.py": b"twelve bytes"})
    blobs.content[tree.entries[1].sha256] = arrives
    with pytest.raises(StorageFailed, match=r"train\.py arrived damaged"):
        cache.stage(tree, blobs.fetch, tmp_path / "run")
    assert cached(tmp_path) == []
    assert list((tmp_path / "run").iterdir()) == []


def test_a_blob_that_does_not_arrive_is_named(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"did not arrive, among them train\.py"):
        cache.stage(blobs.tree({"train.py": b"x"}), lambda entries: iter(()), tmp_path / "run")
    assert cached(tmp_path) == []


@pytest.mark.parametrize("failure", [Unavailable("the server is busy"), ConnectionResetError("cut")])
def test_an_error_of_the_fetch_passes_and_leaves_nothing(
    cache: TreeCache, blobs: Blobs, tmp_path: Path, failure: Exception
) -> None:
    def failing(entries: list[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        yield next(blobs.fetch(entries))
        raise failure

    tree = blobs.tree(FILES)
    with pytest.raises(type(failure)):
        cache.stage(tree, failing, tmp_path / "run")
    assert cached(tmp_path) == []
    cache.stage(tree, blobs.fetch, tmp_path / "run")
    assert contents(tmp_path / "run") == FILES


def test_a_cached_tree_that_lost_a_file_is_made_anew(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    tree = blobs.tree(FILES)
    cache.stage(tree, blobs.fetch, tmp_path / "one")
    (cached(tmp_path)[0] / "files/train.py").unlink()
    cache.stage(tree, blobs.fetch, tmp_path / "two")
    assert contents(tmp_path / "two") == FILES


def test_a_tree_of_an_earlier_boot_is_not_used_and_goes(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    tree = blobs.tree(FILES)
    cache.stage(tree, blobs.fetch, tmp_path / "one")
    cached(tmp_path)[0].rename(tmp_path / "trees" / f"{tree.id}@earlier")
    blobs.asked.clear()
    cache.stage(tree, blobs.fetch, tmp_path / "two")
    assert blobs.asked
    assert cache.prune(10**9, NOW) == tree.size_bytes
    assert len(cached(tmp_path)) == 1


def test_threads_that_want_the_same_tree_fetch_it_once(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    tree = blobs.tree(FILES)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.stage(tree, blobs.fetch, tmp_path / f"run{number}"), range(16)))
    assert len(blobs.asked) == 4
    assert all(contents(tmp_path / f"run{number}") == FILES for number in range(16))


def test_pruning_removes_what_was_not_used_for_longest(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    trees = [blobs.tree({"data": bytes([number]) * 100}) for number in range(4)]
    for number, tree in enumerate(trees):
        cache.stage(tree, blobs.fetch, tmp_path / f"run{number}")
        place = next(place for place in cached(tmp_path) if place.name.startswith(tree.id))
        os.utime(place, (NOW.timestamp() - 100 + number,) * 2)
    cache.stage(trees[0], blobs.fetch, tmp_path / "again")
    assert cache.prune(200, NOW) == 200
    assert {place.name.partition("@")[0] for place in cached(tmp_path)} == {trees[0].id, trees[3].id}
    assert cache.prune(200, NOW) == 0


def test_a_tree_in_use_is_not_pruned(cache: TreeCache, blobs: Blobs, tmp_path: Path) -> None:
    tree = blobs.tree(FILES)
    cache.stage(tree, blobs.fetch, tmp_path / "one")

    def pruning(entries: list[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        with cache._lock(tree.id, 1):  # fcntl.LOCK_SH, as while a tree is copied
            assert cache.prune(0, NOW) == 0
        return blobs.fetch(entries)

    other = next(found for n in range(1000) if (found := blobs.tree({"n": b"%d" % n})).id[:2] != tree.id[:2])
    cache.stage(other, pruning, tmp_path / "two")
    assert cache.prune(0, NOW) == tree.size_bytes + other.size_bytes


def test_pruning_removes_what_died_half_made_when_it_is_old(cache: TreeCache, tmp_path: Path) -> None:
    (tmp_path / "trees/.half.1234/files").mkdir(parents=True)
    cache.prune(0, NOW)
    assert len(cached(tmp_path)) == 1
    cache.prune(0, NOW + timedelta(seconds=2 * ABANDONED_S))
    assert cached(tmp_path) == []


def test_pruning_a_cache_that_was_never_used_does_nothing(cache: TreeCache) -> None:
    assert cache.prune(0, NOW) == 0


@pytest.mark.parametrize("call", ["open", "write", "pwrite", "mkdir", "rename"])
def test_a_disk_that_is_full_at_any_call_leaves_nothing_half_made(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(os, call)
    tree = blobs.tree(FILES)
    for nth in range(1, 100):
        left = nth
        cache = TreeCache(tmp_path / str(nth) / "trees")
        target = tmp_path / str(nth) / "run"

        def full(*arguments: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            try:
                cache.stage(tree, blobs.fetch, target)
            except StorageFailed as error:
                assert str(tmp_path) in error.message
                assert contents(target) == {}
        if left > 0:
            return
        cache.stage(tree, blobs.fetch, target)
        assert contents(target) == FILES
    pytest.fail("every call failed")


def test_outputs_are_collected_with_hash_size_and_execution(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "model.joblib").write_bytes(b"model")
    (tmp_path / "deep/er/tool").write_bytes(b"")
    (tmp_path / "deep/er/tool").chmod(0o755)
    entries, warnings = collect(tmp_path, "outputs")
    assert entries == [
        Entry("outputs/deep/er/tool", sha256_bytes(b""), 0, True),
        Entry("outputs/model.joblib", sha256_bytes(b"model"), 5),
    ]
    assert warnings == []


def test_a_missing_outputs_folder_is_an_empty_one(tmp_path: Path) -> None:
    assert collect(tmp_path / "none", "outputs") == ([], [])


def test_an_outputs_folder_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/a").write_bytes(b"a")
    (tmp_path / "outputs").symlink_to("disk")
    assert [entry.path for entry in collect(tmp_path / "outputs", "outputs")[0]] == ["outputs/a"]


def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"real")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "folder").symlink_to("/")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "memory").symlink_to("/proc/self/mem")
    os.mkfifo(tmp_path / "pipe")
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT))
    entries, warnings = collect(tmp_path, "outputs")
    assert [(entry.path, entry.size_bytes) for entry in entries] == [
        ("outputs/link", 4),
        ("outputs/memory", 0),  # a file that says it is empty is believed
        ("outputs/real", 4),
    ]
    assert sorted(warnings) == [
        "Not kept, because they are no regular files: outputs/folder, outputs/pipe.",
        "Not kept, because they cannot be read (No such file or directory): outputs/gone.",
        "Not kept, because they have names that are not valid Unicode, or too long: outputs/\\udcff.",
    ]
