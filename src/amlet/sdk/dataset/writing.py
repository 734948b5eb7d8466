"""Rows as files: CSV with nothing but Python, Parquet by pyarrow; a piece at a time."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple
from urllib.parse import quote

from amlet.sdk.dataset.arrow_blocks import ArrowBlock
from amlet.sdk.dataset.blocks import Block, rows_of
from amlet.sdk.dataset.packages import need

CSV, PARQUET = "csv", "parquet"
CSV_ROWS = 5_000
"""How many rows are values of Python at a time."""

PIECE_BYTES = 2 << 20
"""How much becomes a row group: the writer holds some of it for every column."""

PART_BYTES = 16 << 20
"""How much is cut into partitions at a time, each a file for every value that is in it."""

ENDINGS = {CSV: ".csv", PARQUET: ".parquet"}


def write_file(blocks: Iterable[Block], place: Path, form: str, *, separator: str = ",") -> None:
    """All rows as one file."""
    if form == CSV:
        _write_csv(blocks, place, separator)
    else:
        _write_parquet((block.to_arrow() for block in blocks), place)


def write_partitions(blocks: Iterable[Block], folder: Path, keys: List[str]) -> List[Dict[str, Any]]:
    """The rows as Parquet files by the values of some columns: `<value>/<value>/part-00000.parquet`.

    A folder gets a file for every piece of the rows that has some for it.

    Returns:
        The values of the keys, of each folder.
    """
    parts: Dict[Tuple[Any, ...], int] = {}
    for table in _pieces((block.to_arrow() for block in blocks), PART_BYTES):
        block = ArrowBlock(table)
        rest = [name for name in block.names if name not in keys]
        for values, mask in _groups(block, keys):
            number = parts.get(values, 0)
            parts[values] = number + 1
            place = folder.joinpath(*map(_part, values), f"part-{number:05d}.parquet")
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_parquet([block.pick(mask).select(rest).to_arrow()], place)
    return [dict(zip(keys, values)) for values in parts]


def _groups(block: Block, keys: List[str]) -> Iterator[Tuple[Tuple[Any, ...], List[bool]]]:
    rows = list(rows_of(block, keys))
    for values in dict.fromkeys(rows):
        yield values, [row == values for row in rows]


def _part(value: Any) -> str:
    if value is None:
        return "null"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return quote(text, safe=" +-_=@~").replace(".", "%2E") or "empty"


def _write_csv(blocks: Iterable[Block], place: Path, separator: str) -> None:
    with place.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
        is_first = True
        for block in blocks:
            if is_first:
                writer.writerow(block.names)
                is_first = False
            for start in range(0, block.count, CSV_ROWS):
                writer.writerows(rows_of(block.slice(start, CSV_ROWS)))


def _write_parquet(tables: Iterable[Any], place: Path) -> None:
    parquet = need("pyarrow.parquet", "A Parquet file")
    pieces = _pieces(tables, PIECE_BYTES)
    first = next(pieces)
    with parquet.ParquetWriter(str(place), first.schema) as writer:
        writer.write_table(first)
        for table in pieces:
            writer.write_table(table)


def _pieces(tables: Iterable[Any], size_bytes: int) -> Iterator[Any]:
    """The same rows in larger tables, at least one, all of the first one's types: readers give small ones."""
    arrow = need("pyarrow", "A Parquet file")
    held: List[Any] = []
    size, schema = 0, None
    for table in tables:
        schema = schema or table.schema
        held.append(table.cast(schema))
        size += table.nbytes
        if size >= size_bytes:
            yield arrow.concat_tables(held)
            held, size = [], 0
    if held:
        yield arrow.concat_tables(held)
