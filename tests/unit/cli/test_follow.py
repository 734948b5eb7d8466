"""Following a run's logs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amlet.cli import follow
from amlet.cli.follow import LogReader, tail_offset
from amlet.domain.run import COMPLETED
from amlet.wire.files import RunFile
from amlet.wire.runs import RunChanges

from .conftest import FakeConnection

PATH = "user_logs/std_log.txt"


def test_a_log_is_read_on_from_where_it_was_left(held):
    held.client.runs.files[PATH] = b"one\n"
    log = LogReader(held, "r", PATH)
    assert "".join(log.news([RunFile(PATH, 4, True)])) == "one\n"
    held.client.runs.files[PATH] = b"one\ntwo\n"
    assert "".join(log.news([RunFile(PATH, 8, True)])) == "two\n"
    assert "".join(log.news([RunFile(PATH, 8, True)])) == ""
    assert held.client.runs.read_bytes == 8


def test_a_character_that_comes_in_two_pieces_is_whole(held):
    data = "ü".encode()
    log = LogReader(held, "r", PATH)
    held.client.runs.files[PATH] = data[:1]
    first = "".join(log.news([RunFile(PATH, 1, True)]))
    held.client.runs.files[PATH] = data
    assert first + "".join(log.news([RunFile(PATH, 2, True)])) + log.rest() == "ü"


def test_bytes_that_are_no_text_are_shown_all_the_same(held):
    held.client.runs.files[PATH] = b"\xff\n"
    log = LogReader(held, "r", PATH)
    assert "".join(log.news([RunFile(PATH, 2, True)])) == "\ufffd\n"


def test_attempts_are_read_one_after_the_other(held):
    files = held.client.runs.files
    log = LogReader(held, "r", PATH)
    files[PATH] = b"one\nt"
    assert "".join(log.news([RunFile(PATH, 5, True)])) == "one\nt"

    files["user_logs/attempt_1/std_log.txt"] = b"one\ntwo\n"
    files["user_logs/attempt_2/std_log.txt"] = b"again\n"
    files[PATH] = b"last, and longer than the first\n"
    listed = [RunFile(name, len(data), True) for name, data in files.items()]

    assert "".join(log.news(listed)) == "wo\nagain\nlast, and longer than the first\n"
    assert "".join(log.news(listed)) == ""


def test_a_log_that_takes_its_other_name_meanwhile_is_read_at_the_next_look(held):
    log = LogReader(held, "r", PATH)
    held.client.runs.files[PATH] = b""
    del held.client.runs.files[PATH]

    assert "".join(log.news([RunFile(PATH, 5, True)])) == ""


def test_earlier_attempts_of_a_run_that_is_followed_from_now_on_are_left_out(held):
    files = {"user_logs/attempt_1/std_log.txt": b"old\n", PATH: b"new\n"}
    held.client.runs.files.update(files)
    log = LogReader(held, "r", PATH)

    assert "".join(log.news([RunFile(name, len(data), True) for name, data in files.items()])) == "new\n"


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
