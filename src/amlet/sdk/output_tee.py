"""What a run's block prints, kept in `logs/user_log.txt` beside where it goes anyway (v1-behaviours 7.3)."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Optional

from amlet.sdk.notice import warn

FOLDER = "logs"
FILE = "user_log.txt"
LABEL = f"{FOLDER}/{FILE}"


class OutputTee:
    """Appends what is printed to ./logs/user_log.txt. The folder is that of its beginning, wherever the script goes."""

    def __init__(self) -> None:
        self.folder = Path(os.path.abspath(FOLDER))  # noqa: PTH100
        self._file: Any = None
        self._before = 0
        self._held: Any = ()

    def begin(self) -> None:
        """Start. A folder that cannot be written to is told, and nothing is kept."""
        try:
            self.folder.mkdir(exist_ok=True)
            self._file = (self.folder / FILE).open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
            self._before = (self.folder / FILE).stat().st_size
        except OSError as error:
            warn(f"what is printed is not kept with the run: {self.folder / FILE}: {error.strerror}")
            return
        self._held = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = _Both(sys.stdout, self._file), _Both(sys.stderr, self._file)

    def end(self) -> Optional[Path]:
        """Stop.

        Returns:
            A file with what was printed since the beginning; None if there is none.
        """
        if self._file is None:
            return None
        for name, held in zip(("stdout", "stderr"), self._held):
            if isinstance(getattr(sys, name), _Both):  # else the script put something of its own there
                setattr(sys, name, held)
        self._file.close()
        whole = self.folder / FILE
        if not self._before:
            return whole
        handle, own = tempfile.mkstemp(prefix="amlet-", suffix=".txt")
        with os.fdopen(handle, "wb") as target, whole.open("rb") as source:
            source.seek(self._before)
            while True:
                piece = source.read(1 << 20)
                if not piece:
                    return Path(own)
                target.write(piece)


class _Both:
    """A stream that also writes to a file. Trouble with the file never reaches who prints."""

    def __init__(self, stream: Any, file: Any) -> None:
        self._stream = stream
        self._copy = file

    def write(self, text: str) -> Any:
        with contextlib.suppress(OSError, ValueError):
            self._copy.write(text)
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
