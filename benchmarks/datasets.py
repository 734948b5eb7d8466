"""Tables: a delimited file whole, beside pyarrow and pandas; a part of one; and the memory that a stream takes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import PAIRS, Bar, Figure
from benchmarks.place import Place

BYTES = int(os.environ.get("DATASET_BYTES", 128 << 20))
"""About how large the files are; `DATASET_BYTES=1073741824` measures a gigabyte."""


_READ = {
    "ours": "Dataset.Tabular.from_delimited_files({csv!r}).to_pandas_dataframe()",
    "pyarrow.csv": "pyarrow.csv.read_csv({csv!r}).to_pandas()",
    "pandas": "pandas.read_csv({csv!r}, engine='pyarrow')",
}
_STREAM = "import re, time\nfrom amlet.sdk.dataset import Dataset\n"
_HEAD = "import pandas, pyarrow, pyarrow.csv, pyarrow.parquet\n" + _STREAM


def figures(place: Place) -> Iterator[Figure]:
    """All figures of tables."""
    folder = place.folder("datasets")
    csv, parquet = _make(folder)
    times: dict[str, list[float]] = {name: [] for name in _READ}
    for turn in range(PAIRS + 1):
        for name, call in _READ.items():
            took = _run(call.format(csv=str(csv)))[0]
            if turn:
                times[name].append(took)
    peer = min(("pyarrow.csv", "pandas"), key=lambda name: sorted(times[name])[len(times[name]) // 2])
    yield Figure(
        "delimited file to pandas",
        "s",
        times["ours"],
        peer,
        times[peer],
        Bar(ratio=1.1),
        is_peer=True,
        note=f"{csv.stat().st_size / 1e6:.0f} MB",
    )
    whole = f"Dataset.Tabular.from_parquet_files({str(parquet)!r})"
    calls = {
        "take(10) of a Parquet file": (f"{whole}.take(10).to_pandas_dataframe()", Bar(ratio=0.2)),
        "one column of eight of a Parquet file": (f"{whole}.keep_columns('a').to_pandas_dataframe()", Bar(ratio=0.5)),
    }
    for name, (call, bar) in calls.items():
        pairs = [(_run(call)[0], _run(f"{whole}.to_pandas_dataframe()")[0]) for _ in range(PAIRS)]
        yield Figure(name, "s", [one for one, _ in pairs], "all of it", [other for _, other in pairs], bar)
    out = folder / "out"
    for name, source in (("CSV", f"Dataset.Tabular.from_delimited_files({str(csv)!r})"), ("Parquet", whole)):
        for written, method in (("CSV", "to_csv_files"), ("Parquet", "to_parquet_files")):
            call = f"d = {source}; d.filter(d['a'] > 10).{method}().download({str(out)!r}, overwrite=True)"
            took = [_run(call, _STREAM)[1] for _ in range(2)]
            idle = [_run("import pyarrow.csv, pyarrow.parquet", _STREAM)[1] for _ in range(2)]
            words = f"memory of {name} filtered into {written}"
            yield Figure(words, "MB", took, "the imports alone", idle, Bar(ours=200))


def _make(folder: Path) -> tuple[Path, Path]:
    import numpy
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    csv, parquet = folder / "rows.csv", folder / "rows.parquet"
    chance = numpy.random.default_rng(1)
    schema, count = None, 100_000
    with csv.open("wb") as text:
        writer = None
        while text.tell() < BYTES:
            columns = {name: chance.random(count) for name in "bcd"}
            columns.update({name: chance.integers(0, 1_000_000, count) for name in "aef"})
            columns["g"] = chance.choice(numpy.array(["north", "south", "east", "west"]), count)
            columns["h"] = numpy.datetime64("2020-01-01T00:00:00", "us") + chance.integers(0, 10**8, count) * 1_000_000
            table = pyarrow.table(dict(sorted(columns.items())))
            if writer is None:
                schema = table.schema
                writer = pyarrow.parquet.ParquetWriter(str(parquet), schema)
            pyarrow.csv.write_csv(table, text, pyarrow.csv.WriteOptions(include_header=text.tell() == 0))
            writer.write_table(table)
        assert writer is not None
        writer.close()
    return csv, parquet


def _run(call: str, head: str = _HEAD) -> tuple[float, float]:
    """Seconds of a call in a process of its own, after its imports, and the most memory it had, in MB."""
    program = (
        f"{head}start = time.perf_counter()\n{call}\n"
        "took = time.perf_counter() - start\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()).group(1)\n"
        "print(took, int(peak) / 1024)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    took, memory = told.split()
    return float(took), float(memory)
