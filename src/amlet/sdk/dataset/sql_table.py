"""The rows of a query to a database: asked by the server, which alone holds its credentials."""

from __future__ import annotations

import base64
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence

from amlet.sdk.dataset.blocks import Block, ListBlock
from amlet.sdk.dataset.data_type import BOOL, DATETIME, FLOAT, INT64, LONG, STRING, DataType, read_iso
from amlet.sdk.dataset.infer import unique_names
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.steps import Plan

if TYPE_CHECKING:
    from amlet.domain.data import DataPath
    from amlet.sdk.workspace import Workspace

ROWS = 5_000
TIMEOUT_S = 30.0

_KINDS = {
    "int": LONG,
    "float": FLOAT,
    "decimal": FLOAT,
    "bool": BOOL,
    "text": STRING,
    "time": STRING,
    "datetime": DATETIME,
    "date": DATETIME,
}
_READERS: Dict[str, Callable[[Any], Any]] = {
    "datetime": read_iso,
    "date": lambda text: datetime(*date.fromisoformat(text).timetuple()[:3]),
    "decimal": float,
    "float": float,  # those that JSON has no number for come as text
    "bytes": base64.b64decode,
    "text": str,  # of a column that was empty so long that its type is not known
}


class SqlTable:
    """The answer to a query. Asked again for every reading; the first asking tells the columns."""

    def __init__(self, source: DataPath, workspace: Workspace, definition: Dict[str, Any]) -> None:
        self._source = source
        self._workspace = workspace
        self._timeout_s = float(definition.get("query_timeout") or TIMEOUT_S)
        self._set = {name: DataType.parse(told) for name, told in (definition.get("set_column_types") or {}).items()}
        self._columns: Optional[List[List[str]]] = None
        self._rows: Optional[Iterator[List[Any]]] = None

    def begin(self, limit: Optional[int]) -> None:
        """Ask, for no more rows than that."""
        from amlet.sdk.datastore_files import query

        assert self._source.datastore is not None
        answer = query(
            self._workspace, self._source.datastore, self._source.path, timeout_s=self._timeout_s, limit=limit
        )
        self._columns = next(answer)
        self._rows = answer

    @property
    def names(self) -> List[str]:
        if self._columns is None:
            self.begin(1)
        return unique_names([name for name, _ in self._columns or []])

    def blocks(self, plan: Plan, columns: Sequence[str], notes: Notes) -> Iterator[Block]:
        """The rows as they come."""
        self.begin(None if plan.limit is None else plan.limit + plan.skip)
        assert self._rows is not None
        told = dict(zip(self.names, [kind for _, kind in self._columns or []]))
        left = plan.skip
        is_first = True
        while True:
            some = list(islice(self._rows, ROWS))
            if not some and not is_first:
                return
            is_first = False
            rows = some[left:]
            left = max(0, left - len(some))
            yield self._block(rows, [name for name in self.names if name in columns], told, notes)

    def _block(self, rows: List[List[Any]], columns: Sequence[str], told: Dict[str, str], notes: Notes) -> ListBlock:
        made: Dict[str, List[Any]] = {}
        kinds: Dict[str, str] = {}
        for place, name in enumerate(self.names):
            if name not in columns:
                continue
            read = _READERS.get(told[name])
            values = [row[place] for row in rows]
            wanted = self._set.get(name)
            if wanted is not None:
                note = notes.of(name, wanted.kind, "the query's answer")
                made[name] = [_as(value, wanted, note) for value in values]
                kinds[name] = wanted.kind
            else:
                if told[name] == "int":
                    note = notes.of(name, LONG, "the query's answer")
                    values = [value if value is None or -INT64 <= value < INT64 else note(value) for value in values]
                made[name] = [None if value is None else read(value) for value in values] if read else values
                if told[name] in _KINDS:
                    kinds[name] = _KINDS[told[name]]
        return ListBlock(made, len(rows), kinds)


def _as(value: Any, wanted: DataType, note: Callable[[Any], None]) -> Any:
    if value is None:
        return None
    if wanted.kind == STRING:
        return str(value)
    try:
        return wanted.reader(str(value))
    except ValueError:
        note(value)
        return None
