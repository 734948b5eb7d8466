"""What was captured of requests goes by age, and the oldest first by size."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amlet.domain.deployment import Capture
from amlet.node.captures import Captures, note_keep

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
DAYS = ("2026-10-30", "2026-10-31", "2026-11-29", "2026-11-30")
FILE_BYTES = 64 << 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    for day in DAYS:
        (folder / day).mkdir(parents=True)
        for time in ("080000.0-1", "090000.0-2", "100000.0-1"):
            (folder / day / f"{time}.parquet").write_bytes(b"x" * FILE_BYTES)
    (folder / "notes of mine").mkdir()
    (folder / "notes of mine" / "2020.txt").write_text("kept")
    return folder


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder))[:13] for path in folder.rglob("*.parquet"))


def look(folder: Path, captures: Captures | None = None) -> Captures:
    captures = captures or Captures(folder.parent, threading.Event(), now=lambda: NOW)
    captures.look()
    return captures


def test_thirty_days_and_a_gigabyte_are_kept_unless_told_otherwise(folder: Path) -> None:
    look(folder)
    assert not (folder / DAYS[0]).exists()
    assert [name[:10] for name in left(folder)] == [day for day in DAYS[1:] for _ in range(3)]
    assert (Capture().keep_days, Capture().keep_bytes) == (30, 1 << 30)
    assert (folder / "notes of mine" / "2020.txt").exists()


def test_what_a_service_asked_for_is_kept(folder: Path) -> None:
    note_keep(folder, Capture(keep_days=1))
    look(folder)
    assert {name[:10] for name in left(folder)} == set(DAYS[2:])


def test_the_oldest_goes_first_when_it_is_too_much(folder: Path) -> None:
    note_keep(folder, Capture(keep_days=100, keep_bytes=5 * FILE_BYTES))
    captures = look(folder)
    assert left(folder) == [
        "2026-11-29/09",
        "2026-11-29/10",
        *(f"2026-11-30/{hour}" for hour in ("08", "09", "10")),
    ]
    assert not (folder / DAYS[0]).exists() and not (folder / DAYS[1]).exists()
    (folder / DAYS[3] / "110000.0-1.parquet").write_bytes(b"x" * FILE_BYTES)
    look(folder, captures)  # what it knows of a day is known anew when a file comes
    assert left(folder)[0] == "2026-11-29/10" and len(left(folder)) == 5


def test_small_files_count_as_what_they_take_on_the_disk(folder: Path) -> None:
    for number in range(40):
        (folder / DAYS[3] / f"12{number:04}.0-1.parquet").write_bytes(b"x")
    taken = (folder / DAYS[3] / "120000.0-1.parquet").stat().st_blocks * 512
    note_keep(folder, Capture(keep_days=100, keep_bytes=20 * taken))
    look(folder)
    assert len(left(folder)) == 20 or not taken
