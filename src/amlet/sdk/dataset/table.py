"""A table of files: one format, some files, and what their paths tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Protocol, Sequence

from amlet.sdk.dataset import expressions
from amlet.sdk.dataset.arrow_blocks import ArrowBlock, arrow_array
from amlet.sdk.dataset.blocks import Block, ListBlock
from amlet.sdk.dataset.data_type import DATETIME, STRING
from amlet.sdk.dataset.files import SourceFile, open_files, partition_values
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.partition_format import parse
from amlet.sdk.dataset.steps import Plan
from amlet.sdk.exceptions import UserErrorException

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

PATH = "Path"
"""The column of `include_path=True`."""

BLOCK_ROWS = 16_384

MOST_AHEAD = 64
"""How many files are opened at a time: those that are elsewhere are fetched side by side."""


class Opened(NamedTuple):
    """A file that lies on this machine."""

    place: Path
    shown: str
    is_first: bool


class Toll:
    """How many rows are still to be left out at the start."""

    def __init__(self, rows: int) -> None:
        self.left = rows


class Asked(NamedTuple):
    """What is wanted of one file."""

    columns: List[str]
    """In the order of the format's names; empty when only the number of rows counts."""
    where: Optional[List[Any]]
    limit: Optional[int]
    whole: bool


class Format(Protocol):
    """How files of one kind are read. Of several files: the first ones tell the columns."""

    def names(self, files: _Files) -> List[str]:
        """The columns, in order.

        Raises:
            UserErrorException: a file is not of this kind.
        """

    def read(self, file: Opened, asked: Asked, toll: Toll, notes: Notes) -> Iterator[Block]:
        """The rows as they come; at least one block, which may be empty. It may leave rows out for the toll, and
        lower it by them; what it does not leave out the caller does."""


class _Files:
    """The files of a table in their order, opened when they are asked for: the first one alone, since it may be all
    that is needed, then more and more with each that is asked for."""

    def __init__(self, files: Sequence[SourceFile], workspace: Optional[Workspace]) -> None:
        self._files = files
        self._workspace = workspace
        self._places: Dict[int, Path] = {}
        self._ahead = 1

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> Opened:
        if number not in self._places:
            some = self._files[number : number + self._ahead]
            self._places.update(enumerate(open_files(some, self._workspace), number))
            self._ahead = min(self._ahead * 4, MOST_AHEAD)
        return Opened(self._places[number], self._files[number].shown, number == 0)


class FileTable:
    """The rows of all files, one after the other."""

    def __init__(
        self,
        form: Format,
        files: Sequence[SourceFile],
        workspace: Optional[Workspace],
        definition: Dict[str, Any],
    ) -> None:
        self._form = form
        self._listed = files
        self._files = _Files(files, workspace)
        told = definition.get("partition_format")
        partition = parse(told) if told else None
        self._of_path: List[Dict[str, Any]] = partition_values(files, partition)
        if definition.get("include_path"):
            self._of_path = [{PATH: file.column_path, **more} for file, more in zip(files, self._of_path)]
        self._path_columns: List[str] = list(self._of_path[0]) if self._of_path else []
        self._times = [partition.time_column] if partition is not None and partition.time_column else []
        self._data_columns = form.names(self._files)
        twice = [name for name in self._path_columns if name in self._data_columns]
        if twice:
            raise UserErrorException(
                f"The columns {', '.join(map(repr, twice))} are in the files and in their paths.",
                hint="name them differently in partition_format, or leave include_path out.",
            )

    @property
    def names(self) -> List[str]:
        """All columns: those of the paths, then those of the files."""
        return [*self._path_columns, *self._data_columns]

    @property
    def inferred_types(self) -> Optional[Dict[str, str]]:
        """The types that samples of the files told; None where the files say them."""
        found: Optional[Dict[str, str]] = getattr(self._form, "inferred", None)
        return found

    def blocks(self, plan: Plan, columns: Sequence[str], notes: Notes) -> Iterator[Block]:
        """The rows of a plan as they come: these columns, and at least one block."""
        toll = Toll(plan.skip)
        asked = Asked([name for name in self._data_columns if name in columns], plan.where, plan.limit, plan.whole)
        paths = [name for name in self._path_columns if name in columns]
        chosen = [number for number in range(len(self._files)) if self._may_match(number, plan.where)]
        for number in chosen or [0]:
            for block in self._form.read(self._files[number], asked, toll, notes):
                cut = min(toll.left, block.count)
                toll.left -= cut
                rest = block.slice(cut, block.count - cut) if cut else block
                rest = rest if chosen else rest.slice(0, 0)
                yield self._with_path(rest, paths, self._of_path[number], columns) if paths else rest
                if not chosen:
                    return

    def _may_match(self, number: int, where: Optional[List[Any]]) -> bool:
        values = self._of_path[number]

        def bounds(name: str) -> Optional[List[Any]]:
            return [values[name], values[name]] if name in values else None

        return where is None or not values or expressions.may_match(where, bounds)

    def _with_path(self, block: Block, names: Sequence[str], values: Dict[str, Any], columns: Sequence[str]) -> Block:
        of_path = {name: [values[name]] * block.count for name in names}
        kinds = {name: DATETIME if name in self._times else STRING for name in names}
        if isinstance(block, ListBlock):
            rows = ListBlock({**of_path, **block.columns}, block.count, {**block.kinds, **kinds})
            return rows.select([name for name in rows.names if name in columns])
        assert isinstance(block, ArrowBlock)
        table = block.table
        for number, name in enumerate(names):
            table = table.add_column(number, name, arrow_array(of_path[name], kinds[name]))
        return ArrowBlock(table.select([name for name in table.column_names if name in columns]))
