"""Tables of files: with pyarrow and without it they are the same, and steps leave what pandas would."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlet.sdk.dataset import Dataset, packages
from amlet.sdk.dataset.data_type import DataType
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.partition_format import parse
from amlet.sdk.dataset.reading import read_blocks
from amlet.sdk.exceptions import DatasetTimestampMissingError, UserErrorException

CSV = "a,b,t\n1,x,2020-01-01\n2,,2020-01-02 10:00:00\n3,NaN,2020-01-03\n4,z,\n"
ROWS = pd.DataFrame({"a": range(300), "b": [f"v{n % 7}" for n in range(300)], "c": [n / 3 for n in range(300)]})


def rows_of(dataset: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for block in read_blocks(dataset._sources, dataset._definition, Notes()):
        found += zip(*(block.values(name) for name in block.names), strict=True)
    return found


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    def put(name: str, text: str) -> str:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return str(place)

    return put


@pytest.fixture(params=[True, False], ids=["pyarrow", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With pyarrow, and in an environment that has none."""
    if not request.param:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    return bool(request.param)


def test_texts_become_values_of_types_that_are_told_by_samples(write: Any, engine: bool) -> None:
    dataset = Dataset.Tabular.from_delimited_files(write("a.csv", CSV))
    assert rows_of(dataset) == [  # v1-behaviours 13.2: NaN and empty are null
        (1, "x", datetime(2020, 1, 1)),
        (2, None, datetime(2020, 1, 2, 10)),
        (3, None, datetime(2020, 1, 3)),
        (4, "z", None),
    ]
    assert dataset.to_pandas_dataframe()["t"].dtype == "datetime64[ns]"


def test_a_value_that_is_not_of_its_type_is_null_or_an_error(  # v1-behaviours 13.8
    write: Any, engine: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("a.csv", "a,b\n1,x\nzwei,y\n3,z\n")
    dataset = Dataset.Tabular.from_delimited_files(path, set_column_types={"a": DataType.to_long()})
    assert dataset.to_pandas_dataframe()["a"].isna().tolist() == [False, True, False]
    assert "'zwei'" in capsys.readouterr().err
    with pytest.raises(UserErrorException, match="'zwei'"):
        dataset.to_pandas_dataframe(on_error="fail")


@pytest.mark.parametrize("header", [False, "ONLY_FIRST_FILE_HAS_HEADERS", "COMBINE_ALL_FILES_HEADERS", True])
def test_headers(write: Any, engine: bool, header: Any, tmp_path: Path) -> None:
    second = {"COMBINE_ALL_FILES_HEADERS": "b,c\n3,4\n", True: "b,a\n3,4\n"}.get(header, "3,4\n")
    write("d/1.csv", "a,b\n1,2\n")
    write("d/2.csv", second)
    dataset = Dataset.Tabular.from_delimited_files(str(tmp_path / "d"), header=header)
    wanted = {
        False: [("a", "b"), ("1", "2"), ("3", "4")],
        "ONLY_FIRST_FILE_HAS_HEADERS": [(1, 2), (3, 4)],
        "COMBINE_ALL_FILES_HEADERS": [(1, 2, None), (None, 3, 4)],
        True: [(1, 2), (4, 3)],
    }
    assert rows_of(dataset) == wanted[header]


@pytest.mark.parametrize("codec", ["utf16", "latin1", "windows1252", "utf8bom"])
def test_encodings(tmp_path: Path, engine: bool, codec: str) -> None:
    python = {"utf8bom": "utf-8-sig", "windows1252": "cp1252"}.get(codec, codec)
    (tmp_path / "a.csv").write_bytes("name,n\nZoë,1\n".encode(python))
    dataset = Dataset.Tabular.from_delimited_files(str(tmp_path / "a.csv"), encoding=codec)
    assert rows_of(dataset) == [("Zoë", 1)]


def test_json_lines_hold_records_and_may_drop_lines(write: Any, engine: bool) -> None:
    path = write("a.jsonl", '{"a": 1, "b": {"x": [1]}}\nnonsense\n{"a": 2.5}\n')
    with pytest.raises(UserErrorException, match="line 2"):
        Dataset.Tabular.from_json_lines_files(path)
    dataset = Dataset.Tabular.from_json_lines_files(path, invalid_lines="drop")
    assert rows_of(dataset) == [(1.0, {"x": [1]}), (2.5, None)]
    assert dataset.to_pandas_dataframe()["b"][0] == {"x": [1]}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 350)),
        st.tuples(st.just("skip"), st.integers(0, 350)),
        st.tuples(st.just("more"), st.integers(-5, 320)),
        st.tuples(st.just("is"), st.integers(0, 8)),
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def three_formats(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("rows")
    ROWS.to_csv(folder / "a.csv", index=False)
    pq.write_table(pa.Table.from_pandas(ROWS), folder / "a.parquet", row_group_size=40)
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS.to_dict("records")))
    return [
        Dataset.Tabular.from_delimited_files(str(folder / "a.csv")),
        Dataset.Tabular.from_parquet_files(str(folder / "a.parquet")),
        Dataset.Tabular.from_json_lines_files(str(folder / "a.jsonl")),
    ]


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_steps_leave_what_pandas_would(steps: list[tuple[str, int]], three_formats: list[Any]) -> None:
    for dataset in three_formats:
        frame, made = ROWS, dataset
        for name, number in steps:
            if name == "take":
                frame, made = frame.head(number), made.take(number)
            elif name == "skip":
                frame, made = frame.iloc[number:], made.skip(number)
            elif name == "more":
                frame, made = frame[frame["a"] > number], made.filter(made["a"] > number)
            else:
                frame, made = frame[frame["b"] == f"v{number}"], made.filter(made["b"] == f"v{number}")
        found = made.keep_columns(["a", "b"]).to_pandas_dataframe()
        assert found["a"].tolist() == frame["a"].tolist()
        assert found["b"].tolist() == frame["b"].tolist()


def test_the_two_parts_of_a_split_are_all(three_formats: list[Any]) -> None:
    for dataset in three_formats:
        first, rest = dataset.random_split(0.3)
        found = [made.to_pandas_dataframe()["a"].tolist() for made in (first, rest)]
        assert sorted(found[0] + found[1]) == list(range(300))
        assert 40 < len(found[0]) < 140
        # A seed is chosen once and kept: the same rows however often they are read.
        assert first.to_pandas_dataframe()["a"].tolist() == found[0]
        assert dataset.random_split(0.3)[0].to_pandas_dataframe()["a"].tolist() != found[0]


def test_times(write: Any) -> None:  # v1-behaviours 13.7
    dataset = Dataset.Tabular.from_delimited_files(write("a.csv", CSV))
    with pytest.raises(DatasetTimestampMissingError):
        dataset.time_after(datetime(2020, 1, 1))
    timed = dataset.with_timestamp_columns("t", validate=True)
    between = timed.time_between(datetime(2020, 1, 1), datetime(2020, 1, 3), include_boundary=False)
    frame = between.to_pandas_dataframe()
    assert frame.index.tolist() == [pd.Timestamp("2020-01-02 10:00")] and frame.index.name is None
    assert timed.drop_columns("t").timestamp_columns == (None, None)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: d.keep_columns(["aa"], validate=True), "no column 'aa'"),
        (lambda d: d.filter(d["zz"] > 1).to_pandas_dataframe(), "no column 'zz'"),
        (lambda d: d.filter(d["b"] > 1).to_pandas_dataframe(), "different types"),
        (lambda d: d.take(-1), "not negative"),
        (lambda d: d.take_sample(2), "from 0 to 1"),
        (lambda d: d.add_tags({"a": "b"}), "registered datasets"),
        (lambda d: d.to_pandas_dataframe(on_error="x"), "neither"),
    ],
)
def test_bad_steps_are_one_clear_error(write: Any, engine: bool, make: Any, words: str) -> None:
    dataset = Dataset.Tabular.from_delimited_files(write("a.csv", CSV))
    with pytest.raises(UserErrorException, match=words):
        make(dataset)


def test_bad_files_are_one_clear_error(write: Any, engine: bool) -> None:
    for text, words in (("", "is empty"), ("a,b\n1\n", "1 fields where the first row has 2")):
        with pytest.raises(UserErrorException, match=words):
            Dataset.Tabular.from_delimited_files(write("bad.csv", text)).to_pandas_dataframe()
    with pytest.raises(UserErrorException, match="footer is broken" if engine else "- pyarrow"):
        Dataset.Tabular.from_parquet_files(write("bad.parquet", "PAR1 nonsense"))
    with pytest.raises(UserErrorException, match="no file or folder"):
        Dataset.File.from_files("/nowhere/at/all")


@pytest.mark.parametrize(
    ("call", "given", "words"),
    [
        (Dataset.Tabular.from_delimited_files, "sep", "no argument 'sep': use separator."),
        (Dataset.Tabular.from_delimited_files, "nrows", "no argument 'nrows': use take() of the dataset."),
        (Dataset.Tabular.from_delimited_files, "infer_types", 'did you mean "infer_column_types"?'),
        (Dataset.Tabular.from_delimited_files, "xyz", "no argument 'xyz'."),
        (Dataset.from_delimited_files, "delimiter", "use separator."),
        (Dataset.from_delimited_files, "dtype", "no argument 'dtype'."),
    ],
)
def test_an_argument_that_is_not_there_is_told_with_what_is_meant(call: Any, given: str, words: str) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        call("there.csv", **{given: 1})


def test_a_row_may_be_longer_than_what_is_read_at_a_time(write: Any, engine: bool) -> None:
    text = "y" * 3_000_000
    dataset = Dataset.Tabular.from_delimited_files(write("long.csv", f"a,b\n1,x\n2,{text}\n3,z\n"))
    assert [row[0] for row in rows_of(dataset)] == [1, 2, 3]
    assert dataset.to_pandas_dataframe()["b"].tolist() == ["x", text, "z"]


def test_texts_of_a_dictionary_are_compared_as_texts(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "c": pd.Categorical(["u", "v", "u"])})
    frame.to_parquet(tmp_path / "c.parquet")
    dataset = Dataset.Tabular.from_parquet_files(str(tmp_path / "c.parquet"))
    assert dataset.filter(dataset["c"] == "u").to_pandas_dataframe()["a"].tolist() == [1, 3]


def test_a_written_parquet_file_has_few_row_groups_and_all_rows(tmp_path: Path, write: Any) -> None:
    path = write("many.csv", "a,b\n" + "".join(f"{number},{number % 7}\n" for number in range(200_000)))
    place = Dataset.Tabular.from_delimited_files(path).to_parquet_files().download(str(tmp_path / "out"))[0]
    assert pq.ParquetFile(place).num_row_groups <= 3
    assert pq.read_table(place)["a"].to_pylist() == list(range(200_000))


def test_a_missing_package_says_which_line_to_add(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset.Tabular.from_delimited_files(write("a.csv", CSV))
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    assert packages.find("pandas") is None
    with pytest.raises(UserErrorException, match="`- pandas`"):
        dataset.to_pandas_dataframe()
    assert Path(dataset.take(1).to_csv_files().download()[0]).read_text().startswith("a,b,t\n1,x,")


@pytest.mark.parametrize(
    ("text", "rows"),
    [("\n\na,b\n1,x\n", [(1, "x")]), ("a,b", []), ("a,b\r\n\r\n1,x\r\n", [(1, "x")]), ('"a\nz",b\n1,x', [(1, "x")])],
)
def test_blank_lines_and_ends_without_a_line_break(write: Any, engine: bool, text: str, rows: Any) -> None:
    path = write("a.csv", text)
    made = Dataset.Tabular.from_delimited_files(path)
    assert rows_of(made) == rows_of(made.take(5)) == rows
    assert len(made.to_pandas_dataframe()) == len(rows)


def test_a_small_file_is_looked_at_to_its_end(write: Any, engine: bool) -> None:
    path = write("a.csv", "a,b\n" + "1,x\n" * 30_000 + "2.5,y\n" + "1,x\n" * 30_000)
    frame = Dataset.Tabular.from_delimited_files(path).to_pandas_dataframe()
    assert frame["a"].sum() == 60_002.5
    path = write("a.jsonl", '{"a": 1}\n' * 30_000 + '{"a": 2.5, "b": "\u2028"}\n' + '{"a": 1}\n')
    frame = Dataset.Tabular.from_json_lines_files(path).to_pandas_dataframe()
    assert (frame["a"].sum(), frame["b"].iloc[30_000]) == (30_003.5, "\u2028")


def test_what_spark_leaves_beside_a_table_is_no_part_of_it(write: Any, tmp_path: Path) -> None:
    ROWS.to_parquet(tmp_path / "part-0.parquet")
    for name in ("_SUCCESS", "_committed_123", ".part-0.parquet.crc"):
        write(name, "")
    assert len(Dataset.Tabular.from_parquet_files(str(tmp_path)).to_pandas_dataframe()) == len(ROWS)
    with pytest.raises(UserErrorException, match="no Parquet file"):
        Dataset.Tabular.from_parquet_files(str(tmp_path / "_SUCCESS"))
    assert len(Dataset.File.from_files(str(tmp_path)).to_path()) == 4


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.json.gz"])
@pytest.mark.parametrize("raw", [gzip.compress(b'{"a": 1}\n' * 1000)[:40], b"plain"], ids=["cut", "not packed"])
def test_a_file_that_is_packed_wrongly_is_one_clear_error(tmp_path: Path, engine: bool, name: str, raw: bytes) -> None:
    (tmp_path / name).write_bytes(raw)
    path = str(tmp_path / name)
    reads = {
        "a.csv.gz": Dataset.Tabular.from_delimited_files,
        "a.jsonl.gz": Dataset.Tabular.from_json_lines_files,
        "a.json.gz": Dataset.from_json_files,
    }
    for read in (reads[name], Dataset.auto_read_files):
        with pytest.raises(UserErrorException, match="cannot be read: "):
            read(path)
    with pytest.raises(UserErrorException, match="cannot be read: "):
        Dataset.Tabular.from_json_lines_files(path, validate=False).to_pandas_dataframe()


def test_unsigned_numbers_are_compared_whatever_their_size(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([1, 1 << 63, None], pa.uint64())}), tmp_path / "a.parquet")
    made = Dataset.Tabular.from_parquet_files(str(tmp_path))
    for condition, left in ((made["id"] > 5, [1 << 63]), (made["id"] > -1, [1, 1 << 63]), (made["id"] < 0, [])):
        assert rows_of(made.filter(condition)) == [(value,) for value in left]


def test_a_time_leaves_files_out_whose_paths_tell_an_earlier_one(write: Any) -> None:
    for day in range(1, 10):
        header = "other" if day == 3 else "at,v"  # it cannot be read
        write(
            f"2020/01/{day:02d}/a.csv",
            f"{header}\n" + "".join(f"2020-01-{day:02d} {hour:02d}:00,{hour}\n" for hour in range(24)),
        )
    root = str(Path(write("x.txt", "")).parent)
    made = Dataset.Tabular.from_delimited_files(root + "/**/*.csv", partition_format="/{day:yyyy/MM/dd}/a.csv")
    timed = made.with_timestamp_columns("at", partition_timestamp="day")
    with pytest.raises(UserErrorException, match="header"):
        timed.time_after(datetime(2020, 1, 4)).to_pandas_dataframe()
    frame = timed.time_between(datetime(2020, 1, 7, 22), datetime(2020, 1, 8, 1)).to_pandas_dataframe()
    assert frame["v"].tolist() == [22, 23, 0, 1]
    assert len(timed.time_before(datetime(2020, 1, 2)).time_after(datetime.min).take(3).to_pandas_dataframe()) == 3
    months = parse("/{day:yyyy/MM}/a.csv")
    assert (months.period.days, parse("/{t:yyyy/MM/dd/HH}/a").period.seconds) == (31, 3600)
