"""`amlet --help`, as a whole process."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.place import AMLET, Place, run


def figures(_place: Place) -> Iterator[Figure]:
    """Beside a bare Python."""
    ours, floor = interleaved(
        lambda: timed_ms(lambda: run([AMLET, "--help"])),
        lambda: timed_ms(lambda: run([sys.executable, "-c", "pass"])),
        pairs=15,
    )
    yield Figure("amlet --help", "ms", ours, "python -c pass", floor, Bar(ours=200))
