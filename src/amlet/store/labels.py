"""Labels: tags, properties and parameters of runs as rows, so that filters find runs by an index.

The rows are for searching alone: what a run has is in its own row, as JSON. Rows and not JSON functions: over 100,000
runs of seven labels one comparison takes 1 to 2 ms along the index, 70 to 100 ms through the JSON of all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, func

from amlet.base.hashing import sha256_bytes
from amlet.store.tables import run_labels

PARAMETERS, TAGS, PROPERTIES = range(3)

_SHORT = 200
"""Characters of a value that the index takes as they are: PostgreSQL's rows of an index end at 2.7 kB."""
_HEAD = 160
"""Of a longer one it takes so many and the hash of all, which is longer than any short value."""
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")

Labels = Mapping[str, Optional[str]]  # noqa: UP045 - as tables.py spells it

_DELETE = run_labels.delete().where(
    run_labels.c.run == bindparam("its_run"), run_labels.c.kind == bindparam("its_kind")
)


def searchable(text: str) -> str:
    """Text that every database takes: NUL and lone surrogates, which JSON holds, become one mark."""
    return _NOT_TEXT.sub("\ufffd", text)


def rows_of(run: int, kind: int, labels: Labels) -> list[dict[str, Any]]:
    """The rows of a run's labels of one kind."""
    found = {searchable(name): value for name, value in labels.items()}
    return [{"run": run, "kind": kind, "name": name, **_columns(value)} for name, value in found.items()]


def add(connection: Connection, run: int, kinds: Mapping[int, Labels]) -> None:
    """Insert labels, by their kind, of a run that has none of these kinds."""
    rows = [row for kind, labels in kinds.items() for row in rows_of(run, kind, labels)]
    if rows:
        connection.execute(run_labels.insert(), rows)


def replace(connection: Connection, run: int, kind: int, labels: Labels) -> None:
    """Let a run have these labels of the kind and no others."""
    connection.execute(_DELETE, {"its_run": run, "its_kind": kind})
    add(connection, run, {kind: labels})


def named(kind: int, name: str, rows: FromClause = run_labels) -> ColumnElement[bool]:
    """Whether a row, of the table or an alias of it, is of this label."""
    return (rows.c.kind == kind) & (rows.c.name == searchable(name))


def value_in(values: Sequence[str], rows: FromClause = run_labels) -> ColumnElement[bool]:
    """Whether a row's value is one of the texts."""
    asked = [_indexed(searchable(value)) for value in values]
    return rows.c.value == asked[0] if len(asked) == 1 else rows.c.value.in_(asked)


def whole_value(rows: FromClause = run_labels) -> ColumnElement[str]:
    """A row's value, however long."""
    return func.coalesce(rows.c.whole, rows.c.value)


def _columns(value: str | None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "whole": None, "number": None}
    text = searchable(value)
    if len(text) > _SHORT:
        return {"value": _indexed(text), "whole": text, "number": None}
    return {"value": text, "whole": None, "number": _number(text)}


def _indexed(text: str) -> str:
    return text if len(text) <= _SHORT else text[:_HEAD] + sha256_bytes(text.encode("utf-8"))


def _number(text: str) -> float | None:
    """The number that a text is; None for one that is none, or NaN."""
    if "_" in text:  # which Python would take
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number else None
