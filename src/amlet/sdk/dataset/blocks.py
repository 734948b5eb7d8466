"""Some rows of a table at a time: what readers give, steps change and writers take."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Optional, Protocol, Sequence

from amlet.sdk.dataset import expressions
from amlet.sdk.dataset.data_type import BOOL, DATETIME, FLOAT, LONG, RECORD, STRING


class Block(Protocol):
    """Rows that share their columns. Never changed once made; each method makes another."""

    @property
    def names(self) -> List[str]:
        """Its columns, in order."""

    @property
    def count(self) -> int:
        """How many rows there are; may be none, the columns are told all the same."""

    def slice(self, start: int, count: int) -> Block:
        """So many rows from one on."""

    def pick(self, mask: List[bool]) -> Block:
        """The rows that are marked."""

    def select(self, names: Sequence[str]) -> Block:
        """These columns, in this order."""

    def matches(self, condition: List[Any]) -> List[bool]:
        """Which rows match a condition.

        Raises:
            TypeError: a column cannot be compared so.
        """

    def values(self, name: str) -> List[Any]:
        """A column as Python's own values, None where there is nothing."""

    def to_arrow(self) -> Any:
        """The rows as a table of pyarrow."""


class ListBlock:
    """Rows as lists of Python's values, a list a column: needs nothing but Python.

    Args:
        kinds: The type of each column, by the kinds of `data_type`; of columns that are not named it is told by the
            values.
    """

    def __init__(self, columns: Dict[str, List[Any]], count: int, kinds: Dict[str, str]) -> None:
        self.columns = columns
        self.kinds = kinds
        self._count = count

    @property
    def names(self) -> List[str]:
        return list(self.columns)

    @property
    def count(self) -> int:
        return self._count

    def slice(self, start: int, count: int) -> ListBlock:
        cut = {name: values[start : start + count] for name, values in self.columns.items()}
        return ListBlock(cut, max(0, min(count, self._count - start)), self.kinds)

    def pick(self, mask: List[bool]) -> ListBlock:
        kept = {name: [value for value, held in zip(values, mask) if held] for name, values in self.columns.items()}
        return ListBlock(kept, sum(mask), self.kinds)

    def select(self, names: Sequence[str]) -> ListBlock:
        return ListBlock({name: self.columns[name] for name in names}, self._count, self.kinds)

    def matches(self, condition: List[Any]) -> List[bool]:
        return expressions.rows_that_match(condition, self.columns, self._count)

    def values(self, name: str) -> List[Any]:
        return self.columns[name]

    def to_arrow(self) -> Any:
        from amlet.sdk.dataset.arrow_blocks import arrow_array, table_of

        return table_of({name: arrow_array(values, self.kinds.get(name)) for name, values in self.columns.items()})


def joined(blocks: Iterable[Any]) -> ListBlock:
    """All rows of some list blocks as one."""
    columns: Dict[str, List[Any]] = {}
    count = 0
    kinds: Dict[str, str] = {}
    for block in blocks:
        if not columns:
            columns, kinds = {name: [] for name in block.names}, getattr(block, "kinds", {})
        for name, values in columns.items():
            values.extend(block.values(name))
        count += block.count
    return ListBlock(columns, count, kinds)


def rows_of(block: Block, names: Optional[Sequence[str]] = None) -> Iterator[Any]:
    """The rows one by one, as tuples."""
    columns = [block.values(name) for name in (block.names if names is None else names)]
    return zip(*columns) if columns else iter([()] * block.count)


def kind_of_value(value: Any) -> str:
    """The kind of a value of Python's."""
    if isinstance(value, bool):
        return BOOL
    for kind, known in ((LONG, int), (FLOAT, float), (DATETIME, datetime), (STRING, str)):
        if isinstance(value, known):
            return kind
    return RECORD
