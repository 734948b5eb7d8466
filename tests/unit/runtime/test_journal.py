"""The journal's lines: what goes in comes out, and damage costs only what it hits."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, Point
from amlet.runtime.journal import Journal, read_file, read_points
from amlet.runtime.process import mark_of


def written(journal: Journal) -> bytes:
    assert journal.path is not None
    return Path(journal.path).read_bytes()


def strict(line: bytes) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(line, parse_constant=refuse)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    journal = Journal(tmp_path / "jour nal é", "run_1", 2)
    yield journal
    journal.close()


def test_a_header_names_the_run_and_its_process(journal: Journal) -> None:
    journal.append("loss", SCALAR, 0.5)
    parsed = read_points(written(journal))
    mark = mark_of()
    assert parsed.header == {
        "journal": 1,
        "run": "run_1",
        "attempt": 2,
        "pid": os.getpid(),
        "boot_id": mark.boot_id,
        "started": mark.started,
    }
    assert parsed.points[0][:4] == ("loss", SCALAR, 0.5, None)


def test_nothing_is_made_before_the_first_point(tmp_path: Path) -> None:
    Journal(tmp_path / "journal", "run_1", 1).close()
    assert not (tmp_path / "journal").exists()


scalars = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text(), st.sampled_from(["NaN", "'", ""]))
names = st.text(st.characters(), max_size=20)
values = st.one_of(
    st.tuples(st.just(SCALAR), scalars),
    st.tuples(st.just(LIST), st.lists(scalars)),
    st.tuples(st.just(ROW), st.dictionaries(names, scalars)),
    st.tuples(st.just(TABLE), st.dictionaries(names, st.one_of(scalars, st.lists(scalars)))),
)


@given(name=names, value=values, step=st.one_of(st.none(), st.integers()))
def test_every_value_survives_and_the_file_is_strict_json(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: tuple[str, Any], step: int | None
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"), "run_1", 1)
    journal.append(name, value[0], value[1], step)
    data = written(journal)
    journal.close()
    assert all(strict(line) for line in data.splitlines())
    parsed = read_points(data)
    assert repr(parsed.points[0][:4]) == repr((name, *value, step))
    assert (parsed.bad, parsed.consumed) == (0, len(data))


def test_time_is_kept_to_the_microsecond(journal: Journal) -> None:
    journal.append("loss", SCALAR, 1.0)
    assert journal.path is not None
    moment = read_file(journal.path)[0].time_s
    assert abs(moment - os.stat(journal.path).st_mtime) < 5


def test_a_subclass_of_float_is_written_as_a_number(journal: Journal) -> None:
    class Odd(float):
        def __repr__(self) -> str:
            return "Odd()"

    journal.append("loss", SCALAR, Odd(1.5))
    assert read_points(written(journal)).points[0].value == 1.5


def test_a_torn_last_line_is_not_yet_written(journal: Journal) -> None:
    journal.append("loss", SCALAR, 1.0)
    journal.append("loss", SCALAR, 2.0)
    data = written(journal)
    parsed = read_points(data[:-5])
    assert [point.value for point in parsed.points] == [1.0]
    rest = read_points(data[parsed.consumed :])
    assert [point.value for point in rest.points] == [2.0]
    assert rest.header is None


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00\x00",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"7",
        b"null",
        b'{"n": 1, "k": "scalar", "v": 1, "t": 1}',
        b'{"n": "a", "k": "scalar", "v": [1], "t": 1}',
        b'{"n": "a", "k": "row", "v": 3, "t": 1}',
        b'{"n": "a", "k": "other", "v": 3, "t": 1}',
        b'{"n": "a", "k": "scalar", "v": NaN, "t": 1}',
        b'{"n": "a", "k": "scalar", "w": "unmarked", "t": 1}',
        b'{"n": "a", "k": "scalar", "v": 3, "t": 1, "s": 1.5}',
        b'{"n": "a", "k": "scalar", "v": 3}',
    ],
)
def test_a_damaged_line_costs_only_itself(journal: Journal, damage: bytes) -> None:
    journal.append("loss", SCALAR, 1.0)
    journal.append("loss", SCALAR, 2.0)
    lines = written(journal).splitlines(keepends=True)
    parsed = read_points(b"".join([*lines[:2], damage + b"\n", *lines[2:]]))
    assert [point.value for point in parsed.points] == [1.0, 2.0]
    assert parsed.bad == 1


def test_trouble_with_storage_is_told_once_and_mended_by_itself(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "journal"
    folder.write_text("in the way")
    journal = Journal(folder, "run_1", 1)
    journal.append("loss", SCALAR, 1.0)
    journal.append("loss", SCALAR, 2.0)
    assert journal.lost == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(folder) in told
    folder.unlink()
    journal.append("loss", SCALAR, 3.0)
    assert [point.value for point in read_points(written(journal)).points] == [3.0]
    journal.close()


def test_a_full_disk_tears_one_line_and_spoils_no_other(journal: Journal) -> None:
    journal.append("loss", SCALAR, 1.0)
    assert journal.path is not None
    with open(journal.path, "ab") as file:
        file.write(b'{"n":"lo')  # as a write that the disk had half the room for
    journal._torn = True
    journal.append("loss", SCALAR, 2.0)
    parsed = read_points(written(journal))
    assert ([point.value for point in parsed.points], parsed.bad) == ([1.0, 2.0], 1)


def test_a_script_that_closes_all_descriptors_gets_a_new_file(journal: Journal) -> None:
    journal.append("loss", SCALAR, 1.0)
    first = journal.path
    assert journal._fd is not None
    os.close(journal._fd)
    journal.append("loss", SCALAR, 2.0)
    assert journal.path != first
    assert [point.value for point in read_points(written(journal)).points] == [2.0]


def test_two_journals_of_one_process_have_two_files(tmp_path: Path) -> None:
    journals = [Journal(tmp_path, "run_1", 1) for _ in range(2)]
    for number, journal in enumerate(journals):
        journal.append("loss", SCALAR, float(number))
    assert sorted(read_file(path)[0].value for path in tmp_path.iterdir()) == [0.0, 1.0]
    for journal in journals:
        journal.close()


def test_a_value_that_json_cannot_hold_raises(journal: Journal) -> None:
    with pytest.raises(TypeError):
        journal.append("loss", SCALAR, object())


def test_a_point_is_the_domains_own(journal: Journal) -> None:
    journal.append("a", TABLE, {"x": [1, math.inf], "y": "'quoted"}, step=3)
    point = read_points(written(journal)).points[0]
    assert isinstance(point, Point)
    assert point.value == {"x": [1, math.inf], "y": "'quoted"}
