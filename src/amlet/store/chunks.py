"""Chunks: many points of one metric as few bytes.

A byte that names the form, then, under zlib where that pays: the count and three codes, the kinds, the times, the
steps, the values. Where all are floats, or all whole numbers of 64 bits, they are arrays, else JSON. The bytes of an
array are laid out by significance, all first bytes, all second ones, and so on: neighbours differ in their low bytes
only, so that the high ones nearly vanish in the compression.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

from amlet.base.errors import InvalidInput
from amlet.domain.metric import KINDS, Point

CHUNK_POINTS = 4096

_PLAIN, _COMPRESSED = b"\x00", b"\x01"
_PLAIN_BYTES = 256
"""Up to here compression costs more time than it saves space: a metric's first points are few."""
_HEAD = struct.Struct("<IBBB")
_LENGTH = struct.Struct("<I")
_MIXED = 255
_NONE, _FLOATS, _WHOLES, _JSON = 0, 1, 2, 3
_CODES = {_FLOATS: "d", _WHOLES: "q"}
_CODE_OF_KIND = {kind: code for code, kind in enumerate(KINDS)}


class Columns:
    """Points of one metric, by column, oldest first."""

    def __init__(
        self, kinds: Iterable[int], times: Iterable[float], steps: list[int | None], values: list[Any]
    ) -> None:
        self.kinds = bytearray(kinds)
        self.times = array("d", times)
        self.steps = steps
        self.values = values

    @classmethod
    def of(cls, points: Sequence[Point]) -> Columns:
        """Take points apart.

        Raises:
            InvalidInput: for a kind that is none of `KINDS`.
        """
        names, kinds, values, steps, times = zip(*points, strict=True)
        try:
            codes = [_CODE_OF_KIND[kind] for kind in kinds]
        except KeyError as error:
            raise InvalidInput(f"Metric {names[0]!r} has a point of no known kind: {error.args[0]!r}.") from error
        return cls(codes, times, list(steps), list(values))

    def __len__(self) -> int:
        return len(self.times)

    def extend(self, other: Columns) -> None:
        """Put later points behind these."""
        self.kinds += other.kinds
        self.times += other.times
        self.steps += other.steps
        self.values += other.values

    def part(self, start: int, end: int) -> Columns:
        """A stretch of the points."""
        return Columns(self.kinds[start:end], self.times[start:end], self.steps[start:end], self.values[start:end])

    def points(self, name: str) -> list[Point]:
        """Put the points together."""
        kinds = map(KINDS.__getitem__, self.kinds)
        return list(map(Point, repeat(name), kinds, self.values, self.steps, self.times))


def pack(columns: Columns) -> bytes:
    """Columns as bytes.

    Raises:
        InvalidInput: for a value that is not of JSON's types.
    """
    one_kind = columns.kinds.count(columns.kinds[0]) == len(columns)
    steps_code, steps = _packed(columns.steps)
    values_code, values = _packed(columns.values)
    body = b"".join(
        (
            _HEAD.pack(len(columns), columns.kinds[0] if one_kind else _MIXED, steps_code, values_code),
            b"" if one_kind else bytes(columns.kinds),
            _spread(columns.times),
            steps,
            values,
        )
    )
    return _PLAIN + body if len(body) <= _PLAIN_BYTES else _COMPRESSED + zlib.compress(body, 1)


def unpack(data: bytes) -> Columns:
    """The inverse of `pack`."""
    body = memoryview(data)[1:]
    if data[:1] == _COMPRESSED:
        body = memoryview(zlib.decompress(body))
    count, kind, steps_code, values_code = _HEAD.unpack_from(body)
    at = _HEAD.size
    kinds = bytes([kind]) * count
    if kind == _MIXED:
        kinds = bytes(body[at : at + count])
        at += count
    times = _gathered("d", body[at : at + 8 * count])
    at += 8 * count
    steps, at = _unpacked(steps_code, body, at, count)
    values, at = _unpacked(values_code, body, at, count)
    return Columns(kinds, times, steps, values)


def _packed(items: list[Any]) -> tuple[int, bytes]:
    types = set(map(type, items))
    if types == {type(None)}:
        return _NONE, b""
    if types == {float}:
        return _FLOATS, _spread(array("d", items))
    if types == {int}:
        try:
            return _WHOLES, _spread(array("q", items))
        except OverflowError:
            pass  # beyond 64 bits: as text
    try:
        text = json.dumps(items, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"A metric's value cannot be stored: {error}.") from error
    return _JSON, _LENGTH.pack(len(text)) + text


def _unpacked(code: int, body: memoryview, at: int, count: int) -> tuple[list[Any], int]:
    if code == _NONE:
        return [None] * count, at
    if code in _CODES:
        end = at + 8 * count
        return _gathered(_CODES[code], body[at:end]).tolist(), end
    (length,) = _LENGTH.unpack_from(body, at)
    start = at + _LENGTH.size
    return json.loads(bytes(body[start : start + length])), start + length


def _spread(items: array[Any]) -> bytes:
    if sys.byteorder == "big":
        items = items[:]
        items.byteswap()
    raw = items.tobytes()
    return b"".join([raw[place::8] for place in range(8)])


def _gathered(code: str, raw: memoryview) -> array[Any]:
    count = len(raw) // 8
    mixed = bytearray(len(raw))
    for place in range(8):
        mixed[place::8] = raw[place * count : (place + 1) * count]
    items: array[Any] = array(code)
    items.frombytes(mixed)
    if sys.byteorder == "big":
        items.byteswap()
    return items
