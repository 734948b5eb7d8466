"""A node without work keeps its caches small, now and then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from amlet.artifacts.stage import TreeCache
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry, tree_of
from amlet.node.idle import PAUSE_S, Idle


class Cache:
    """A node's cache of snapshots, and an idle node that has a clock to set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 100.0
        self.trees = TreeCache(folder / "trees")
        self.idle = Idle(self.trees, folder / "data", monotonic=lambda: self.now_s)

    def stage(self, data: bytes) -> None:
        entry = Entry("train.py", sha256_bytes(data), len(data), False)

        def fetch(entries: list[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
            return ((one, iter([data])) for one in entries)

        self.trees.stage(tree_of([entry]), fetch, self.folder / f"run-{data[:1].decode()}")

    def count(self) -> int:
        return len(list((self.folder / "trees").glob("*@*")))


def test_what_was_not_used_for_longest_goes(tmp_path: Path):
    cache = Cache(tmp_path)
    for data in (b"a" * 100, b"b" * 100, b"c" * 100):
        cache.stage(data)

    cache.idle.use(200)

    assert cache.count() == 2
    (tmp_path / "run-d").mkdir()
    cache.stage(b"d" * 100)
    assert cache.count() == 3


def test_it_looks_no_more_often_than_it_must(tmp_path: Path):
    cache = Cache(tmp_path)
    cache.idle.use(0)
    cache.stage(b"a")

    cache.idle.use(0)
    assert cache.count() == 1

    cache.now_s += PAUSE_S
    cache.idle.use(0)
    assert cache.count() == 0


def test_a_cache_that_cannot_be_read_ends_no_node(tmp_path: Path):
    (tmp_path / "trees").symlink_to(tmp_path / "trees")
    cache = Cache(tmp_path)

    cache.idle.use(0)

    cache.now_s += PAUSE_S
    (tmp_path / "trees").unlink()
    cache.stage(b"a")
    cache.idle.use(0)
    assert cache.count() == 0
