"""v1's first generation of datasets: tables of files of this machine, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from amlet.sdk.dataset import Dataset, FileDataset, TabularDataset
from amlet.sdk.dataset.type_definitions import FileEncoding, PromoteHeadersBehavior, SkipLinesBehavior
from amlet.sdk.exceptions import UserErrorException

CRIMES = "# of 2016\nID;Type\n# first\n1;THEFT\n2;FRAUD\n3;THEFT\n"


@pytest.fixture(params=[True, False], ids=["pyarrow", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With pyarrow, and in an environment that has none."""
    if not request.param:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    return bool(request.param)


@pytest.fixture
def crimes(tmp_path: Path) -> Dataset:
    (tmp_path / "crime.csv").write_text(CRIMES)
    return Dataset.from_delimited_files(
        str(tmp_path / "crime.csv"),
        separator=";",
        header=PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        encoding=FileEncoding.UTF8,
        comment="#",
    )


def test_rows_columns_and_conditions(crimes: Dataset) -> None:
    assert crimes.head(2).to_dict("list") == {"ID": [1, 2], "Type": ["THEFT", "FRAUD"]}
    assert len(crimes.to_pandas_dataframe()) == 3
    assert list(crimes[["ID"]].to_pandas_dataframe()) == ["ID"]
    thefts = crimes.definition.filter(crimes["Type"] == "THEFT")
    assert isinstance(thefts, TabularDataset)
    assert thefts.to_pandas_dataframe()["ID"].tolist() == [1, 3]
    assert (crimes.name, crimes.id, crimes.definition_version, crimes.workspace) == (None, None, None, None)
    with pytest.raises(UserErrorException, match="no column 'Typ'"):
        crimes["Typ"]


@pytest.mark.parametrize(
    ("strategy", "arguments", "left"),
    [
        ("top_n", {"n": 2}, [1, 2]),
        ("simple_random", {"probability": 1.0, "seed": 10.2}, [1, 2, 3]),
        ("stratified", {"columns": ["Type"], "fractions": {("THEFT",): 1.0}}, [1, 3]),
        ("stratified", {"columns": ["Type", "ID"], "fractions": {("THEFT", 3): 1.0, ("FRAUD", 2): 0.0}}, [3]),
    ],
)
def test_samples(crimes: Dataset, engine: bool, strategy: str, arguments: Any, left: list[int]) -> None:
    assert crimes.sample(strategy, arguments).to_pandas_dataframe()["ID"].tolist() == left


@pytest.mark.parametrize(
    ("strategy", "arguments", "words"),
    [
        ("bottom_n", {"n": 2}, "none of top_n, simple_random, stratified"),
        ("top_n", {"m": 2}, "the arguments are n"),
        ("stratified", {"columns": ["Type"], "fractions": {("THEFT", 1): 0.5}}, "no tuple of 1 values"),
        ("stratified", {"columns": ["Kind"], "fractions": {("THEFT",): 0.5}}, "no column 'Kind'"),
    ],
)
def test_samples_that_cannot_be(crimes: Dataset, strategy: str, arguments: Any, words: str) -> None:
    with pytest.raises(UserErrorException, match=words):
        crimes.sample(strategy, arguments).to_pandas_dataframe()


@pytest.mark.parametrize(
    ("mode", "second", "left"),
    [
        (SkipLinesBehavior.FROM_ALL_FILES, "made by hand\n\na,b\n3,4\n", [1, 3]),
        ("FROM_FIRST_FILE_ONLY", "a,b\n3,4\n", [1, 3]),
    ],
)
def test_leading_lines_are_left_out(tmp_path: Path, engine: bool, mode: Any, second: str, left: list[int]) -> None:
    (tmp_path / "1.csv").write_text('made "by, hand\n\na,b\n1,2\n')
    (tmp_path / "2.csv").write_text(second)
    made = Dataset.from_delimited_files(str(tmp_path), skip_rows=2, skip_mode=mode)
    assert made.to_pandas_dataframe().to_dict("list") == {"a": left, "b": [2, 4]}


def test_lines_are_left_out_only_in_a_mode_that_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert Dataset.from_delimited_files(str(tmp_path), skip_rows=1).head(5)["a"].tolist() == [1]
    assert "skip_mode" in capsys.readouterr().err


def test_a_wrong_row_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("#\na,b\n#\n1,2\n3\n")
    with pytest.raises(UserErrorException, match="line 5 or before: 1 fields"):
        Dataset.from_delimited_files(str(tmp_path), comment="#").to_pandas_dataframe()


NESTED = {"city": "SF", "visits": [{"by": {"id": 1}, "tags": ["x", "y"]}, {"by": {"id": 2}, "tags": []}]}


def test_nested_json_becomes_columns_and_rows(tmp_path: Path, engine: bool) -> None:
    (tmp_path / "a.json").write_text(json.dumps(NESTED))
    flat = Dataset.from_json_files(str(tmp_path), flatten_nested_arrays=True).to_pandas_dataframe()
    assert flat["visits.by.id"].tolist() == [1, 1, 2]
    assert [None if pd.isna(tag) else tag for tag in flat["visits.tags"]] == ["x", "y", None]
    assert flat["city"].tolist() == ["SF"] * 3
    whole = Dataset.from_json_files(str(tmp_path)).to_pandas_dataframe()
    assert whole["visits"].tolist() == [NESTED["visits"]]


@pytest.mark.parametrize(
    "text", ['[{"a": 1, "b": "x"}, {"a": 2}]', '{"a": 1, "b": "x"}\n{"a": 2}\n', '\n{"a": 1, "b": "x"}\n\n{"a": 2}']
)
def test_a_file_of_json_is_an_array_or_an_object_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    for made in (Dataset.from_json_files(str(tmp_path)), Dataset.auto_read_files(str(tmp_path))):
        frame = made.to_pandas_dataframe()
        assert (frame["a"].tolist(), frame["b"].iloc[0]) == ([1, 2], "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "holds 1 where an object"),
        ("[{]", "is no JSON"),
        ("[]", "no columns"),
        ('{"a": ' * 100_000, "too deep|is no JSON"),
        (json.dumps({name: list(range(300)) for name in "abcd"}), "more than 10,000,000 rows"),
    ],
)
def test_json_that_is_no_table(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserErrorException, match=words):
        Dataset.from_json_files(str(tmp_path), flatten_nested_arrays=True)


def test_a_data_frame_goes_through_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    for made in (
        Dataset.from_pandas_dataframe(frame),
        Dataset.from_pandas_dataframe(frame, path=str(tmp_path / "kept")),
        Dataset.from_pandas_dataframe(frame, in_memory=True),
    ):
        pd.testing.assert_frame_equal(made.to_pandas_dataframe(), frame)
    assert [place.name for place in (tmp_path / "kept").iterdir()] == ["part-00000.parquet"]
    with pytest.raises(UserErrorException, match="no data frame"):
        Dataset.from_pandas_dataframe([1, 2])
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserErrorException, match="no folder to write to"):
        Dataset.from_pandas_dataframe(frame, path=str(tmp_path / "taken"))


def test_binary_files_are_a_table_of_paths(tmp_path: Path) -> None:
    for name in ("b.bin", "a.bin"):
        (tmp_path / name).write_bytes(b"\x00")
    made = Dataset.from_binary_files(str(tmp_path))
    assert made.head(1)["Path"].tolist() == ["/a.bin"]
    assert isinstance(made.definition, FileDataset)
    with pytest.raises(UserErrorException, match="dataset of files"):
        made["Path"]


def test_what_has_no_meaning_here_is_refused(crimes: Dataset, tmp_path: Path) -> None:
    for call in (crimes.create_snapshot, crimes.get_profile, crimes.archive, crimes.to_spark_dataframe):
        with pytest.raises(UserErrorException, match=r"does not have Dataset\."):
            call("x")
    with pytest.raises(UserErrorException, match="no other archives"):
        Dataset.from_delimited_files(str(tmp_path), archive_options=object())
    with pytest.raises(UserErrorException, match="no definition"):
        Dataset("definition")
