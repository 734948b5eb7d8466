"""Text for a person: colours where they are wanted, tables, and nothing that could drive the terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from amlet.base.errors import AmletError

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CODES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """One output stream. Colours only on a TTY that can, and never with NO_COLOR (no-color.org)."""

    def __init__(self, stream: TextIO, variables: Mapping[str, str] | None = None) -> None:
        variables = os.environ if variables is None else variables
        self.stream = stream
        self.is_tty = stream.isatty() and variables.get("TERM") != "dumb"
        self.colour = self.is_tty and not variables.get("NO_COLOR")

    def write(self, text: str) -> None:
        """Write and flush."""
        self.stream.write(text)
        self.stream.flush()

    def line(self, text: str = "") -> None:
        """Write one line and flush."""
        self.write(text + "\n")

    def good(self, text: str) -> str:
        return self._code("32", text)

    def bad(self, text: str) -> str:
        return self._code("31;1", text)

    def faint(self, text: str) -> str:
        return self._code("2", text)

    def strong(self, text: str) -> str:
        return self._code("1", text)

    def status(self, status: str) -> str:
        """A run's status or a service's state in its colour."""
        if status in ("Completed", "Healthy"):
            return self.good(status)
        return self.bad(status) if status in ("Failed", "Unhealthy") else self.strong(status)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as their widest cell. Cells may hold colours."""
        cells = [[self.strong(name) for name in head], *([*row] for row in rows)]
        widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            self.line("  ".join(pad(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip())

    def facts(self, pairs: Iterable[tuple[str, str]], indent: str = "") -> None:
        """Names and values in two columns."""
        known = list(pairs)
        size = max((len(name) for name, _ in known), default=0)
        for name, value in known:
            self.line(f"{indent}{self.faint(name.ljust(size))}  {value}".rstrip())

    def error(self, error: AmletError) -> None:
        """An error and its hint. v1's exceptions have a frame of their own in `str()`, so that is not used."""
        self.line(f"{self.bad('error:')} {error.message or type(error).__name__}")
        if error.hint:
            self.line(f"  {self.strong('hint:')} {error.hint}")

    def _code(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def plain(text: object) -> str:
    """A name or value that others chose, in one line and without control characters."""
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), str(text))


def width(text: str) -> int:
    """Columns of a text, colours apart; wide East Asian characters take two."""
    bare = _CODES.sub("", text)
    if bare.isascii():
        return len(bare)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in bare)


def pad(text: str, columns: int) -> str:
    """Fill with blanks on the right."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """At most so many columns of a text without colours, with an ellipsis where it was cut."""
    if width(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width(kept + char) >= columns:
            break
        kept += char
    return kept + "…"
