from __future__ import annotations

import math

from amlet.domain.metric import LIST, SCALAR, Point
from amlet.store.chunks import CHUNK_POINTS, Columns, pack, unpack


def points(values: list[object], *, steps: bool = True) -> list[Point]:
    return [
        Point("a", SCALAR, value, number if steps else None, 1.7e9 + number / 7) for number, value in enumerate(values)
    ]


def restored(given: list[Point]) -> list[Point]:
    return unpack(pack(Columns.of(given))).points("a")


def test_floats_keep_every_bit() -> None:
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan]
    assert repr(restored(points(values))) == repr(points(values))


def test_whole_numbers_stay_whole_also_beyond_64_bits() -> None:
    for values in ([1, -1, (1 << 63) - 1, -(1 << 63)], [1, 1 << 63], [1 << 200]):
        assert repr(restored(points(values))) == repr(points(values))


def test_types_beside_each_other_stay_apart() -> None:
    values = [1, 1.0, True, "1", None, False, 0]
    assert repr(restored(points(values, steps=False))) == repr(points(values, steps=False))


def test_kinds_beside_each_other_stay_apart() -> None:
    mixed = [Point("a", SCALAR, 1, None, 0.0), Point("a", LIST, [1, "x"], 3, 1.0)]
    assert restored(mixed) == mixed


def test_a_full_chunk_of_a_smooth_curve_takes_less_than_half_of_its_plain_arrays() -> None:
    full = points([1 / (number + 1) for number in range(CHUNK_POINTS)])
    packed = pack(Columns.of(full))
    assert len(packed) < CHUNK_POINTS * 24 / 2
    assert unpack(packed).points("a") == full
