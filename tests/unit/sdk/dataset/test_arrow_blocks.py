"""Tables of pyarrow, made without pandas where a stream has no need of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from amlet.sdk.dataset.arrow_blocks import empty_table, scalar_of


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        0,
        -(1 << 63),
        1.5,
        float("inf"),
        "",
        "größe 😀",
        datetime(1969, 12, 31, 23, 59, 59, 1),
        datetime(2026, 1, 2, tzinfo=timezone.utc),
        None,
    ],
)
def test_a_value_is_what_pyarrow_makes_of_it(value: Any) -> None:
    made = scalar_of(value)
    assert (made.type, made.as_py()) == (pyarrow.scalar(value).type, pyarrow.scalar(value).as_py())


def test_an_empty_table_has_the_columns() -> None:
    schema = pyarrow.schema([("a", pyarrow.int64()), ("b", pyarrow.string())])
    assert empty_table(schema).equals(schema.empty_table())


STREAM = """
import sys
from amlet.sdk.dataset import Dataset
table = Dataset.Tabular.from_delimited_files(sys.argv[1])
table = table.filter((table["a"] > 1) & (table["b"] == "x"))
table.to_parquet_files().download(sys.argv[2])
table.to_csv_files().download(sys.argv[3])
print("pandas" in sys.modules)
"""


def test_a_stream_from_file_to_file_imports_no_pandas(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n2,x\n3,y\n")
    places = [str(tmp_path / name) for name in ("rows.csv", "parquet", "csv")]
    told = subprocess.run([sys.executable, "-c", STREAM, *places], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
    (written,) = (tmp_path / "csv").rglob("*.csv")
    assert written.read_text() == "a,b\n2,x\n"
