"""A curve as lines of text: dots of Braille where the terminal has them, else asterisks."""

from __future__ import annotations

import math
from collections.abc import Sequence

BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each of the 4 x 2 dots of a Braille character, by row and column."""

LABEL_COLUMNS = 11


def plot(
    index: Sequence[float], values: Sequence[float], *, columns: int = 60, rows: int = 10, braille: bool = True
) -> list[str]:
    """Draw values over their index, neighbours joined; values that are no numbers leave a gap.

    Args:
        index: As long as `values`, ascending.
        columns: Of the whole, labels included.

    Returns:
        `rows` lines of the curve and one of the index' ends; one line that says so when nothing can be drawn.
    """
    seen = [value for value in values if math.isfinite(value)]
    if not seen:
        return ["no finite values to draw"]
    low, high = min(seen), max(seen)
    wide, tall = (2, 4) if braille else (1, 1)
    width, height = max(8, columns - LABEL_COLUMNS - 1), max(2, rows)
    dots = _Dots(width * wide, height * tall)
    before: tuple[int, int] | None = None
    for place, value in zip(index, values, strict=True):
        if not math.isfinite(value):
            before = None
            continue
        point = (
            round(_share(place, index[0], index[-1]) * (dots.width - 1)),
            round((1 - _share(value, low, high)) * (dots.height - 1)),
        )
        dots.join(before or point, point)
        before = point
    labels = {0: high, height - 1: low} if high > low else {height // 2: low}
    told = []
    for row in range(height):
        label = f"{labels[row]:.5g}" if row in labels else ""
        cells = "".join(dots.cell(column, row, wide, tall) for column in range(width))
        told.append(f"{label:>{LABEL_COLUMNS}} {cells}".rstrip())
    first, last = f"{index[0]:g}", f"{index[-1]:g}"
    told.append(" " * (LABEL_COLUMNS + 1) + first + last.rjust(width - len(first)))
    return told


class _Dots:
    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._set: set[tuple[int, int]] = set()

    def join(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Dots from one point to another."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            share = step / steps
            self._set.add(
                (round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share))
            )

    def cell(self, column: int, row: int, wide: int, tall: int) -> str:
        """The character of one place of the terminal."""
        if wide == 1:
            return "*" if (column, row) in self._set else " "
        bits = 0
        for down in range(tall):
            for right in range(wide):
                if (column * wide + right, row * tall + down) in self._set:
                    bits |= _DOTS[down][right]
        return chr(BRAILLE + bits) if bits else " "


def _share(value: float, low: float, high: float) -> float:
    """How far from low to high; half for a span of nothing. Divided first, since the span of huge floats overflows."""
    if not high > low:
        return 0.5
    scale = max(abs(low), abs(high))
    return (value / scale - low / scale) / (high / scale - low / scale)
