"""A text of several lines that is painted over itself on a terminal."""

from __future__ import annotations

import shutil
from types import TracebackType

from amlet.cli.terminal import Terminal, width

_UP, _CLEAR, _HIDE, _SHOW = "\x1b[{}A\r", "\x1b[J", "\x1b[?25l", "\x1b[?25h"


class LiveTable:
    """Shows one text after the other in the same place; the last one stays."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._rows = 0

    def __enter__(self) -> LiveTable:
        self._terminal.write(_HIDE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._terminal.write(_SHOW)

    def show(self, text: str) -> None:
        """Put this text in the place of the last one. What is more than the screen holds is left out at its end."""
        columns, height = shutil.get_terminal_size()
        kept: list[str] = []
        rows = 0
        for line in text.rstrip("\n").split("\n"):
            taken = max(1, -(-width(line) // columns))
            if rows + taken >= height:
                break
            kept.append(line)
            rows += taken
        back = _UP.format(self._rows) if self._rows else ""
        self._terminal.write(back + _CLEAR + "\n".join(kept) + "\n")
        self._rows = rows
