"""The steps of a dataset: kept as JSON with its definition, planned before anything is read, then run over blocks."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from amlet.base.names import closest
from amlet.sdk.dataset import expressions
from amlet.sdk.dataset.blocks import Block, rows_of
from amlet.sdk.dataset.errors import one_line
from amlet.sdk.exceptions import UserErrorException

Step = Dict[str, Any]

TAKE, SKIP, SAMPLE, SPLIT, FILTER = "take", "skip", "take_sample", "random_split", "filter"
STRATA = "stratified_sample"
KEEP, DROP, TIMESTAMPS = "keep_columns", "drop_columns", "with_timestamp_columns"

ROW_STEPS = (TAKE, SKIP, SAMPLE, SPLIT, STRATA, FILTER)
"""Those after which there may be fewer rows."""


class Plan(NamedTuple):
    """What a reader is asked for: it may leave the rest of the data where it is."""

    columns: Optional[List[str]]
    """Those that are needed, in the data's own order; None for all."""
    where: Optional[List[Any]]
    """A condition that all rows which are needed match. The reader may use it to leave parts out."""
    skip: int
    """So many rows at the start are not needed: the reader leaves them out."""
    limit: Optional[int]
    """No more rows than that are needed; the reader may give more."""
    whole: bool
    """All of it is needed at once, so that it may be read in one go."""
    rest: List[Step]
    """The steps that are to be run over what the reader gives."""


def plan(steps: Sequence[Step], *, whole: bool = False) -> Plan:
    """What is needed of the data, but for its columns: those are known once it is opened."""
    left = [step for step in steps if step["step"] != TIMESTAMPS]
    rows = [step for step in left if step["step"] in ROW_STEPS]
    skip = limit = None
    where: Optional[List[Any]] = None
    rest = list(left)
    if rows and rows[0]["step"] == SKIP:
        skip = rows[0]["count"]
        rest.remove(rows[0])
        rows = rows[1:]
    if rows and rows[0]["step"] == TAKE:
        limit = rows[0]["count"]
    if skip is None:
        for step in rows:
            if step["step"] != FILTER:
                break
            where = step["condition"] if where is None else ["and", where, step["condition"]]
    return Plan(None, where, skip or 0, limit, whole and not rows, rest)


def columns_needed(steps: Sequence[Step], available: Sequence[str]) -> List[str]:
    """Those columns of the data that the steps use or leave, in the data's order.

    Raises:
        UserErrorException: a step names a column that is not there.
    """
    shown = list(available)
    used = set()
    for step in steps:
        if step["step"] in (KEEP, DROP):
            check_columns(step["columns"], shown)
            keeps = step["step"] == KEEP
            shown = [name for name in shown if (name in step["columns"]) == keeps]
            if not shown:
                raise UserErrorException("The dataset has no column left.", hint="drop fewer columns.")
        elif step["step"] == FILTER:
            asked = list(expressions.columns_of(step["condition"]))
            check_columns(asked, shown)
            used.update(asked)
        elif step["step"] == STRATA:
            check_columns(step["columns"], shown)
            used.update(step["columns"])
    return [name for name in available if name in used or name in shown]


def check_columns(asked: Sequence[str], available: Sequence[str]) -> None:
    """
    Raises:
        UserErrorException: some are not there, with the nearest names.
    """
    lost = [name for name in asked if name not in available]
    if not lost:
        return
    listed = ", ".join(map(repr, lost))
    shown = ", ".join(list(available)[:20]) + (", ..." if len(available) > 20 else "")
    noun = "column" if len(lost) == 1 else "columns"
    raise UserErrorException(
        f"The dataset has no {noun} {listed}.", hint=f"{closest(lost[0], list(available))}it has {shown}."
    )


def run(steps: Sequence[Step], blocks: Iterable[Block]) -> Iterator[Block]:
    """The rows that the steps leave of some blocks, as they come. Reads no more blocks than are needed.

    At least one block comes, which may be empty, so that the columns are known.
    """
    found = iter(blocks)
    for step in steps:
        found = _RUN[step["step"]](step, found)
    return found


def _take(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    left = step["count"]
    for block in blocks:
        yield block if block.count <= left else block.slice(0, left)
        left -= block.count
        if left <= 0:
            return


def _skip(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    left = step["count"]
    for block in blocks:
        cut = min(left, block.count)
        left -= cut
        yield block.slice(cut, block.count - cut) if cut else block


def _sample(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    draw, probability = random.Random(step["seed"]).random, step["probability"]  # noqa: S311 - chance, not secrets
    for block in blocks:
        yield block.pick([draw() < probability for _ in range(block.count)])


def _split(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    draw, percentage = random.Random(step["seed"]).random, step["percentage"]  # noqa: S311 - chance, not secrets
    is_first = step["part"] == "first"
    for block in blocks:
        yield block.pick([(draw() < percentage) == is_first for _ in range(block.count)])


def _strata(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    draw = random.Random(step["seed"]).random  # noqa: S311 - chance, not secrets
    fractions = {tuple(values): fraction for values, fraction in step["fractions"]}
    for block in blocks:
        yield block.pick([draw() < fractions.get(values, 0.0) for values in rows_of(block, step["columns"])])


def _filter(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    for block in blocks:
        try:
            mask = block.matches(step["condition"])
        except TypeError as error:
            asked = ", ".join(map(repr, dict.fromkeys(expressions.columns_of(step["condition"]))))
            raise UserErrorException(
                f"The filter on {asked} compares values of different types: {one_line(error)}.",
                hint="compare with a value of the column's own type, or choose its type by set_column_types.",
            ) from error
        yield block.pick(mask)


def _keep(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block.select([name for name in block.names if name in step["columns"]])


def _drop(step: Step, blocks: Iterator[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block.select([name for name in block.names if name not in step["columns"]])


_RUN: Dict[str, Callable[[Step, Iterator[Block]], Iterator[Block]]] = {
    TAKE: _take,
    SKIP: _skip,
    SAMPLE: _sample,
    SPLIT: _split,
    STRATA: _strata,
    FILTER: _filter,
    KEEP: _keep,
    DROP: _drop,
}
