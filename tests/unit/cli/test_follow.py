"""Following a run's logs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.cli import follow
from amlet.cli.follow import tail_offset
from amlet.domain.job import FIRST_STD_LOG, STD_LOG
from amlet.domain.run import COMPLETED
from amlet.wire.files import RunFile
from amlet.wire.runs import RunChanges

from .conftest import FakeConnection

PATH = STD_LOG


@pytest.mark.parametrize(
    ("names", "expected"), [([], STD_LOG), ([STD_LOG], STD_LOG), ([FIRST_STD_LOG, "logs/x"], FIRST_STD_LOG)]
)
def test_the_log_of_several_processes_is_the_first_ones(names, expected):
    assert follow.script_log([RunFile(name, 1, True) for name in names]) == expected


def test_only_what_the_script_prints_is_its_log():
    assert [bool(follow.SCRIPT_LOGS.match(name)) for name in (STD_LOG, FIRST_STD_LOG, f"{STD_LOG}.bak")] == [
        True,
        True,
        False,
    ]


def test_changes_end_with_the_run(held, make_run):
    ended = make_run(status=COMPLETED, revision=2)
    held.client.runs.story = [RunChanges(make_run(), []), RunChanges(ended, []), RunChanges(ended, [])]
    assert [found.run.status for found in follow.changes(held, "r")] == ["Running", "Completed"]


@given(st.lists(st.sampled_from([b"", b"a", b"long line \xff", b"\r"])), st.booleans(), st.integers(0, 12))
def test_the_tail_is_that_of_the_whole_text(lines, ended, count):
    held = FakeConnection()
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    held.client.runs.files[PATH] = data
    start = tail_offset(held, "r", PATH, len(data), count)  # type: ignore[arg-type]
    whole = data.split(b"\n")
    whole = [line + b"\n" for line in whole[:-1]] + ([whole[-1]] if whole[-1] else [])
    assert data[start:] == b"".join(whole[len(whole) - min(count, len(whole)) :])


def test_the_tail_of_a_great_log_is_found_without_reading_it(held):
    held.client.runs.files[PATH] = b"x" * 9 * 1_000_000 + b"\nlast\n"
    size = len(held.client.runs.files[PATH])
    assert tail_offset(held, "r", PATH, size, 1) == size - 5
    assert held.client.runs.read_bytes <= 64 << 10
