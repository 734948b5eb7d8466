"""One line at the bottom of a terminal that says what goes on now; plain lines where there is no terminal."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from types import TracebackType

from amlet.base.units import human_seconds
from amlet.cli.terminal import Terminal, cut

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ERASE = "\r\x1b[2K"
_REPAINT_S = 0.1
_FIRST_STILL_S = 10.0


class LiveLine:
    """Repainted ten times a second by a thread of its own; without a TTY, a line now and then for what takes long.

    Everything else that is printed meanwhile goes through `above`.
    """

    def __init__(self, terminal: Terminal, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._what: str | None = None
        self._detail = ""
        self._since = 0.0
        self._still_s = _FIRST_STILL_S
        self._painted = False
        self._at_line_start = True
        self._frame = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> LiveLine:
        self._thread = threading.Thread(target=self._repaint, name="live line", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._erase()
            self._what = None

    def now(self, what: str | None, detail: str = "") -> None:
        """Say what goes on; None for nothing. The seconds count from the first time of `what`."""
        with self._lock:
            if what != self._what:
                self._what, self._since, self._still_s = what, self._monotonic(), _FIRST_STILL_S
            self._detail = detail
            if what is None:
                self._erase()

    def above(self, write: Callable[[], None], *, ends_line: bool = True) -> None:
        """Print something else. The line comes back below it, once the output is at the start of a line."""
        with self._lock:
            self._erase()
            write()
            self._at_line_start = ends_line

    def tick(self) -> None:
        """Paint once. Called by the thread."""
        with self._lock:
            if self._what is None or not self._at_line_start:
                return
            seconds = self._monotonic() - self._since
            if self._terminal.is_tty:
                frame = FRAMES[self._frame % len(FRAMES)]
                self._frame += 1
                text = f"  {frame} {self._what:<9} {human_seconds(seconds)}  {self._detail}".rstrip()
                columns = shutil.get_terminal_size().columns - 1
                self._terminal.write(_ERASE + cut(text, columns))
                self._painted = True
            elif seconds >= self._still_s:
                self._still_s *= 2
                text = f"  … {self._what:<9} {human_seconds(seconds)}  {self._detail}".rstrip()
                self._terminal.line(text)

    def _repaint(self) -> None:
        while not self._ended.wait(_REPAINT_S):
            self.tick()

    def _erase(self) -> None:
        if self._painted:
            self._terminal.write(_ERASE)
            self._painted = False
