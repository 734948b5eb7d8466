"""What went wrong with single values while a dataset is read: counted, and told once."""

from __future__ import annotations

from typing import Any, Callable, Dict

from amlet.sdk.notice import warn


class Notes:
    """Values that could not be read as their column's type (v1-behaviours 13.8).

    Args:
        fail: The first of them is an error.
    """

    def __init__(self, *, fail: bool = False) -> None:
        self._fail = fail
        self._counts: Dict[str, int] = {}
        self._first: Dict[str, str] = {}
        self._told = False

    def of(self, column: str, kind: str, where: str) -> Callable[[Any], None]:
        """What takes the values of one column of one file that cannot be read."""

        def note(value: Any) -> None:
            words = f"{value!r} of {where} is no {kind}"
            if self._fail:
                from amlet.sdk.dataset.errors import DatasetExecutionError

                raise DatasetExecutionError(
                    f"Column {column!r}: {words}.",
                    None,
                    hint="set_column_types chooses another type; on_error='null' reads such values as null.",
                )
            self._counts[column] = self._counts.get(column, 0) + 1
            self._first.setdefault(column, words)

        return note

    def tell(self) -> None:
        """Say what was read as null, a line a column."""
        for column, count in self._counts.items():
            values = "1 value is" if count == 1 else f"{count:,} values are"
            warn(f"column {column!r}: {values} read as null: {self._first[column]}")
        self._counts.clear()
