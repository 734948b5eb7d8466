"""How a file is to be read, told from its beginning."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from amlet.sdk.dataset import Dataset
from amlet.sdk.exceptions import UserErrorException


@pytest.mark.parametrize(
    ("name", "raw", "left"),
    [
        ("a.csv", b"a,b\n1,x\n2,\n", {"a": [1, 2], "b": ["x", None]}),
        (
            "a.txt",
            "Größe;Preis\n1,5;2,5\n2,5;3,5\n".encode("cp1252"),
            {"Größe": ["1,5", "2,5"], "Preis": ["2,5", "3,5"]},
        ),
        ("a.tsv", b"1\t2\n3\t4\n", {"Column1": [1, 3], "Column2": [2, 4]}),
        ("a.csv", "a|b\nx|1\n".encode("utf-16"), {"a": ["x"], "b": [1]}),
        ("a.csv", b"\xef\xbb\xbfone\n1\n", {"one": [1]}),
        ("a.csv", b'\n\nq,r\n"a,b;c;d;e",1\n', {"q": ["a,b;c;d;e"], "r": [1]}),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n"), {"a": [1], "b": [2]}),
        ("a.dat", b'{"a": 1}\n{"a": 2}\n', {"a": [1, 2]}),
    ],
)
def test_files_of_text(tmp_path: Path, name: str, raw: bytes, left: Any) -> None:
    (tmp_path / name).write_bytes(raw)
    frame = Dataset.auto_read_files(str(tmp_path)).to_pandas_dataframe()
    assert frame.astype(object).where(frame.notna(), None).to_dict("list") == left


def test_parquet_under_any_name(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "data.bin")
    assert Dataset.auto_read_files(str(tmp_path)).head(1)["a"].tolist() == [1]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"PK\x03\x04...", "archive or a workbook"),
        (b"\x89PNG\x00\x01", "no table"),
    ],
)
def test_what_is_no_table(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(UserErrorException, match=words):
        Dataset.auto_read_files(str(tmp_path))
