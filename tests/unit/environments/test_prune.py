"""Which builds go, which stay, and what a build costs on the disk."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from amlet.environments.once import MARKER, NOTED_S, held_alone, note_use
from amlet.environments.prune import disk_use, in_use, prune

DAY_S = 86_400.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a home with blanks, 'quotes' and ü"


def build(root: Path, name: str, *, unused_days: float = 0.0, python: str = sys.executable) -> Path:
    """What looks like a build that was last used so long ago."""
    folder = root / "builds" / name
    packages = folder / "lib" / "python3.11" / "site-packages" / "scikit_learn-1.5.2.dist-info"
    packages.mkdir(parents=True)
    (packages / "RECORD").write_text("a,b,1\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(python)
    (folder / MARKER).touch()
    used = time.time() - unused_days * DAY_S
    os.utime(folder / MARKER, (used, used))
    return folder


def test_a_build_that_nobody_used_for_so_long_goes_and_the_others_stay(root: Path) -> None:
    old, new = build(root, "old", unused_days=31), build(root, "new", unused_days=29)
    pruned = prune(root, timedelta(days=30))
    assert [held.lock_id for held in pruned.removed] == ["old"]
    assert [held.lock_id for held in pruned.kept] == ["new"]
    assert (old.exists(), new.exists()) == (False, True)
    assert pruned.freed_bytes == pruned.removed[0].own_bytes > 0
    assert (pruned.kept[0].python, pruned.kept[0].packages) == ("3.11", ["scikit-learn 1.5.2"])
    assert not list(root.glob("builds/.*.part"))


def test_a_dry_run_tells_the_same_and_removes_nothing(root: Path) -> None:
    kept = build(root, "old", unused_days=31)
    (root / "builds" / ".gone.1a2b.part").mkdir()
    told = prune(root, timedelta(days=30), dry_run=True)
    assert kept.exists()
    assert (root / "builds" / ".gone.1a2b.part").exists()
    assert prune(root, timedelta(days=30)) == told


def test_a_build_that_was_looked_up_just_now_is_never_removed(root: Path) -> None:
    recent = build(root, "recent")
    pruned = prune(root, timedelta(0))
    assert recent.exists()
    assert pruned.kept[0].is_in_use


def test_a_use_is_noted_once_a_minute_at_most(root: Path) -> None:
    folder = build(root, "a", unused_days=1)
    note_use(folder)
    assert time.time() - (folder / MARKER).stat().st_mtime < 60
    nearly = time.time() - NOTED_S / 2
    os.utime(folder / MARKER, (nearly, nearly))
    note_use(folder)
    assert (folder / MARKER).stat().st_mtime == pytest.approx(nearly)
    note_use(folder.parent / "gone")


def test_what_dead_makers_left_goes_and_what_is_being_made_stays(root: Path) -> None:
    builds, overlays = root / "builds", root / "overlays"
    for part in (builds / ".dead.1a2b.part", builds / ".busy.1a2b.part", builds / "halfway", overlays / ".o.1a.part"):
        part.mkdir(parents=True)
        (part / "file").write_text("x")
    (overlays / "py3.11-abc").mkdir()
    without_python = build(root, "broken", python="/no/such/python")
    with held_alone(builds / "busy") as alone:
        assert alone
        pruned = prune(root, timedelta(days=30))
    names = {left.path.name for left in pruned.leftovers}
    assert names == {".dead.1a2b.part", "halfway", ".o.1a.part", "broken"}
    assert all(left.own_bytes for left in pruned.leftovers)
    assert not without_python.exists()
    assert (builds / ".busy.1a2b.part").exists()
    assert (overlays / "py3.11-abc").exists()


def test_nothing_is_there_before_the_first_build(root: Path) -> None:
    assert prune(root, timedelta(0)) == ([], [], [])


def test_links_to_files_elsewhere_are_counted_apart(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"x" * 10_000)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "shared").hardlink_to(tmp_path / "cache")
    (folder / "own").write_bytes(b"x" * 5_000)
    (folder / "own too").hardlink_to(folder / "own")
    (folder / "link").symlink_to(tmp_path / "cache")
    size = (folder / "shared").stat().st_blocks * 512
    own = (folder / "own").stat().st_blocks * 512
    link = (folder / "link").lstat().st_blocks * 512
    assert disk_use(folder) == (own + link, size)


def test_a_folder_that_this_process_is_in_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used, other = tmp_path / "used", tmp_path / "other"
    used.mkdir()
    monkeypatch.chdir(used)
    assert in_use([used, other]) == {used}
