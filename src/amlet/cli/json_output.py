"""`--json`: one document, or one a line for streams, on stdout and nothing else there."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from amlet.wire.codec import encode


def document(value: Any) -> None:
    """Print one JSON document. Records, and containers of them, are written field by field."""
    _write(json.dumps(encode(value), indent=2, allow_nan=False))


def line(**fields: Any) -> None:
    """Print one object of a stream."""
    _write(json.dumps(encode(fields), allow_nan=False))


@contextlib.contextmanager
def only_ours(active: bool) -> Iterator[None]:
    """Send what anything else prints to stderr while the block runs; `document` and `line` still reach stdout."""
    global _kept
    if not active:
        yield
        return
    before, _kept = _kept, sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _kept = before


_kept: TextIO | None = None
"""The stream that is stdout while `only_ours` has put stderr in its place."""


def _write(text: str) -> None:
    out = _kept or sys.stdout
    out.write(text + "\n")
    out.flush()
