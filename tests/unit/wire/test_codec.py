"""The codec: what is wrong is told field by field, bounded, and whatever the bytes are."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, NamedTuple, Optional  # noqa: UP035 - as records of 3.8 spell them

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.base.errors import InvalidInput
from amlet.wire import codec


class Part(NamedTuple):
    name: str
    size: int = 0


class Whole(NamedTuple):
    number: int
    amount: float
    parts: List[Part]  # noqa: UP006
    labels: Dict[str, Optional[str]] = {}  # noqa: UP006, UP045
    free: Any = None
    note: Optional[str] = None  # noqa: UP045


def fields_of(body: bytes, kind: Any = Whole) -> list[str]:
    with pytest.raises(InvalidInput) as wrong:
        codec.from_json(kind, body, strict=True)
    return [fault.path for fault in wrong.value.fields]


free = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
records = st.builds(
    Whole,
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(),
    st.lists(st.builds(Part, st.text(), st.integers(0, 9)), max_size=3),
    st.dictionaries(st.text(), st.none() | st.text(), max_size=3),
    free.filter(lambda value: '"$float"' not in json.dumps(value)),
    st.none() | st.text(st.characters(codec=None)),
)


@settings(deadline=None)
@given(records)
def test_any_record_makes_the_round_trip(record: Whole) -> None:
    text = codec.to_json(record)
    assert text.isascii()
    again = codec.from_json(Whole, text, strict=True)
    assert codec.to_json(again) == text


@settings(deadline=None)
@given(st.binary(max_size=200) | free.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_record_or_one_clear_refusal(body: bytes) -> None:
    try:
        assert isinstance(codec.from_json(Whole, body, strict=True), Whole)
    except InvalidInput as error:
        assert len(error.message) < 5_000


def test_every_bad_field_is_named_with_its_path() -> None:
    body = b'{"number": "1", "parts": [{"name": 1}, {"size": 1.5}, 3], "labels": {"a": 1}, "more": 0}'
    assert fields_of(body) == [
        "number",
        "amount",
        "parts[0].name",
        "parts[1].name",
        "parts[1].size",
        "parts[2]",
        "labels.a",
        "more",
    ]


def test_a_number_beyond_64_bits_or_beyond_floats_is_a_bad_field() -> None:
    for number in (1 << 63, -(1 << 63) - 1, 10**300):
        assert fields_of(b'{"number": %d, "amount": 1, "parts": []}' % number) == ["number"]
    assert fields_of(b'{"number": 1, "amount": %d, "parts": []}' % 10**400) == ["amount"]


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_json_is_refused_though_python_reads_it(constant: bytes) -> None:
    assert fields_of(b'{"number": 1, "amount": %s, "parts": []}' % constant) == []


def test_floats_that_json_lacks_travel_marked() -> None:
    text = codec.to_json(Whole(1, math.inf, [], free=[math.nan]))
    assert b'{"$float":"inf"}' in text
    again = codec.from_json(Whole, text, strict=True)
    assert again.amount == math.inf and math.isnan(again.free[0])


@pytest.mark.parametrize("depth", [codec.DEPTH_LIMIT + 1, 500, 900, 100_000])
def test_depth_is_bounded_wherever_it_stands(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    assert fields_of(b'{"number": 1, "amount": 1, "parts": [], "free": %s}' % nested) in (["free"], [])
    assert fields_of(b'{"number": %s, "amount": 1, "parts": []}' % nested) in (["number"], [])


def test_what_is_allowed_in_depth_can_be_written_again() -> None:
    deep: Any = []
    for _ in range(codec.DEPTH_LIMIT - 1):
        deep = [deep]
    record = Whole(1, 1.0, [], free=deep)
    assert codec.from_json(Whole, codec.to_json(record), strict=True) == record


def test_a_million_faults_are_told_as_a_hundred() -> None:
    body = b'{"number": 1, "amount": 1, "parts": [' + b"0," * 1_000_000 + b"0]}"
    assert len(fields_of(body)) == codec.FAULTS_LIMIT


def test_what_the_sender_wrote_is_repeated_in_short_only() -> None:
    body = json.dumps({"number": "x" * 10_000, "amount": [1] * 10_000, "parts": {}, "k" * 10_000: 1}).encode()
    with pytest.raises(InvalidInput) as wrong:
        codec.from_json(Whole, body, strict=True)
    assert len(wrong.value.message) < 1_000
    assert len(wrong.value.fields) == 4
