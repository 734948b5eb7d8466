"""Metrics on their way to who reads them: one JSON object a line, so that neither side need hold a text of them all.

A line is n(ame), k(ind) and the v(alues) of points that follow one another, metrics in the order of their first
point. Values that JSON cannot hold are under c(oded) in place of `v`, as `wire/codec.py` writes them.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, Iterator, List, NamedTuple

from amlet.base.errors import InvalidInput
from amlet.wire import codec

MEDIA_TYPE = "application/x-ndjson"

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class MetricLine(NamedTuple):
    """Values of one metric and one kind; see `domain.metric.Point` for what they are."""

    name: str
    kind: str
    values: List[Any]


def write_line(name: str, kind: str, values: List[Any]) -> bytes:
    """One line."""
    try:
        text = f'{{"n":{_encode(name)},"k":"{kind}","v":{_encode(values)}}}\n'
    except ValueError:
        text = f'{{"n":{_encode(name)},"k":"{kind}","c":{_encode(codec.encode(values))}}}\n'
    return text.encode("ascii")


def read_lines(chunks: Iterable[bytes]) -> Iterator[MetricLine]:
    """The lines of a body that comes in pieces.

    Raises:
        InvalidInput: it holds something else.
    """
    left: List[bytes] = []
    for chunk in chunks:
        head, newline, rest = chunk.rpartition(b"\n")
        if newline:
            for line in b"".join([*left, head]).split(b"\n"):
                yield _read(line)
            left = []
        if rest:
            left.append(rest)
    if left:
        raise InvalidInput("A line of metrics has no end.")


def _read(line: bytes) -> MetricLine:
    try:
        fields = json.loads(line)
        values = fields["v"] if "v" in fields else codec.decode(List[Any], fields["c"], strict=False)
        return MetricLine(fields["n"], fields["k"], values)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{line[:80]!r} is no line of metrics.") from error
