"""What a pickle would import is told, and nothing of it is run."""

from __future__ import annotations

import os
import pickle
import zlib
from datetime import datetime
from pathlib import Path

import pytest

from amlet.serving.pickles import imports_of


class Hostile:
    """Loading it would make a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_would_run_a_program_is_named_and_not_run(tmp_path: Path, protocol: int):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps([Hostile(tmp_path / "made")], protocol))

    told = imports_of(tmp_path / "m.pkl")

    assert told.unusual == ["posix.system"]
    assert not (tmp_path / "made").exists()


def test_a_file_that_breaks_off_is_said_with_what_was_found(tmp_path: Path):
    whole = pickle.dumps([datetime(2026, 11, 23), "x" * 1000])
    (tmp_path / "m.pkl").write_bytes(whole[: len(whole) // 2])

    told = imports_of(tmp_path / "m.pkl")

    assert told.trouble is not None
    assert told.names == ["datetime.datetime"]


@pytest.mark.parametrize("content", [b"", b"no pickle", zlib.compress(b"no pickle"), b"\x1f\x8bno", b"\x80\x05\x95"])
def test_what_is_no_pickle_is_trouble_and_no_crash(tmp_path: Path, content: bytes):
    (tmp_path / "m.pkl").write_bytes(content)

    assert imports_of(tmp_path / "m.pkl").trouble
