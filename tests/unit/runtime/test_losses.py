"""What a full disk lost is counted in place, by any process."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from amlet.domain.metric import SCALAR
from amlet.runtime.journal import Journal
from amlet.runtime.losses import FILE_BYTES, Losses, add, losses_of, reserve


def test_nothing_lost_tells_nothing(tmp_path: Path) -> None:
    assert losses_of(tmp_path / "journals") is None
    reserve(tmp_path / "journals")
    assert losses_of(tmp_path / "journals") is None


def test_the_space_is_taken_beforehand_and_never_grows(tmp_path: Path) -> None:
    reserve(tmp_path / "journals")
    assert add(tmp_path / "journals", 10**15, "x" * 10_000)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size == FILE_BYTES
    assert losses_of(tmp_path / "journals") == Losses(10**15, "x" * (FILE_BYTES - 18))


def test_losses_add_up_and_the_first_reason_stays(tmp_path: Path) -> None:
    reserve(tmp_path / "journals")
    assert add(tmp_path / "journals", 99, "No space left on device")
    reserve(tmp_path / "journals")
    assert add(tmp_path / "journals", 1_001, "Input/output error")
    found = losses_of(tmp_path / "journals")
    assert found is not None
    assert found.sentence == "1,100 values were lost: the journal could not be written (No space left on device)."


def test_one_value_reads_well() -> None:
    assert Losses(1, "x").sentence.startswith("1 value was lost:")


def test_without_the_file_nothing_is_counted_and_nothing_made(tmp_path: Path) -> None:
    assert not add(tmp_path / "journals", 1, "x")
    assert not list(tmp_path.iterdir())


def test_a_journal_counts_what_it_cannot_write(tmp_path: Path) -> None:
    reserve(tmp_path / "journals")
    (tmp_path / "journals").write_text("no folder")
    journal = Journal(tmp_path / "journals", "r", 1)
    threads = [threading.Thread(target=lambda: [journal.append("x", SCALAR, 1.0) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    found = losses_of(tmp_path / "journals")
    assert found is not None
    assert found.values == 200
    assert found.reason in (os.strerror(17), os.strerror(20))
