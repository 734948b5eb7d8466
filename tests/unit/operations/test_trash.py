"""Emptying the trash: what goes now, what goes later, what stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amlet.artifacts.folder import BlobFolder
from amlet.artifacts.logs import LogFolder
from amlet.domain.artifact import BlobLocation, Entry
from amlet.operations import collect, interactive, trash
from amlet.wire.runs import EndRun, StartRun, TrashAnswer

OLD, YOUNG, SHARED, ON_ITS_WAY = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)
SIZES = {OLD: 1000, YOUNG: 20_000, SHARED: 300_000, ON_ITS_WAY: 4_000_000}


@pytest.fixture
def emptying(world: Any, tmp_path: Path) -> trash.Emptying:
    """One run in the trash, with an old file, a young one, and one that another run has too."""
    for sha256, size in SIZES.items():
        added = world.now - timedelta(hours=2) if sha256 in (OLD, SHARED) else world.now
        location = BlobLocation(sha256, size)
        world.do(lambda tx, held=location, at=added: tx.blobs.add([held], at))
    for run_id, held in (("doomed", (OLD, YOUNG, SHARED)), ("kept", (SHARED,))):
        entries = [Entry(f"outputs/{sha256[0]}", sha256, SIZES[sha256]) for sha256 in held]
        asked = StartRun("exp", run_id)
        (run,) = world.do(lambda tx, one=asked: interactive.start_runs(tx, world.workspace_id, [one], world.now))
        world.do(lambda tx, run=run, entries=entries: collect.put_files(tx, run, entries))
        world.do(
            lambda tx, run=run: interactive.end_run(tx, world.workspace_id, run.id, EndRun("Completed"), world.now)
        )
    world.do(lambda tx: trash.trash(tx, world.workspace_id, "doomed", world.now))
    world.later(60)
    return trash.Emptying(world.records, BlobFolder(tmp_path / "blobs"), LogFolder(tmp_path / "logs"))


def test_a_dry_run_tells_what_goes_now_and_what_goes_later_and_keeps_all(world: Any, emptying: trash.Emptying) -> None:
    told = emptying.empty(world.now, world.now, dry_run=True)
    assert told == TrashAnswer(1, 1, 1000, later_bytes=20_000)
    assert emptying.empty(world.now, world.now, dry_run=True) == told
    assert world.run("doomed").trashed


def test_emptying_frees_what_the_dry_run_told_and_the_rest_an_hour_later(world: Any, emptying: trash.Emptying) -> None:
    told = emptying.empty(world.now, world.now, dry_run=True)
    assert emptying.empty(world.now, world.now) == told
    assert emptying.empty(world.now, world.now) == TrashAnswer(0, 0, 0)
    world.later(3600)
    assert emptying.empty(world.now, world.now) == TrashAnswer(0, 2, 20_000 + 4_000_000)
    assert world.look(lambda tx: tx.blobs.missing(list(SIZES))) == [OLD, YOUNG, ON_ITS_WAY]
