"""Commands that take several runs: each one is tried, whatever becomes of the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from amlet.base.errors import AmletError
from amlet.cli.terminal import Terminal

T = TypeVar("T")
V = TypeVar("V")


def each(items: Sequence[T], work: Callable[[T], V]) -> tuple[list[V], int]:
    """What came of each item, and how many failed. What fails is told on stderr; of one item it is raised."""
    done: list[V] = []
    failed = 0
    for item in items:
        try:
            done.append(work(item))
        except AmletError as error:
            if len(items) == 1:
                raise
            Terminal(sys.stderr).error(error)
            failed += 1
    return done, failed
