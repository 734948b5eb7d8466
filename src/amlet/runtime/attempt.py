"""The files of an attempt's folder, as the node sees them: `job.json` goes in, `result.json` comes out.

The bootstrap reads and writes the same two files with code of its own: it cannot afford these imports.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

JOB_FILE = "job.json"
RESULT_FILE = "result.json"

RESERVED_BYTES = 4096
"""Enough for a result without a stack trace."""


class JobFile(NamedTuple):
    """What the bootstrap is to start. Either `script` with `arguments`, or `command`."""

    script: Optional[str] = None
    """Relative to the staged snapshot, which is the working directory."""
    arguments: List[str] = []
    command: Optional[str] = None
    """A shell's line (v1-behaviours 9.6)."""

    def write(self, folder: Path) -> Path:
        """Put it into an attempt's folder.

        Raises:
            ValueError: unless it has either a script or a command.
            OSError: from the file system.
        """
        if (self.script is None) == (self.command is None):
            raise ValueError("a job has either a script or a command")
        path = folder / JOB_FILE
        write_json(path, self._asdict())
        return path

    @classmethod
    def read(cls, folder: Path) -> JobFile:
        """The job of an attempt's folder."""
        return cls(**json.loads((folder / JOB_FILE).read_bytes()))


class Failure(NamedTuple):
    """The exception that ended a script."""

    type: str
    """The class's own name, `ValueError`."""
    message: str
    stack_trace: Optional[str] = None
    """The text that went to stderr."""
    line: Optional[str] = None
    """Where it happened in the user's own sources: `train_iris.py:41`."""


class Usage(NamedTuple):
    """What the process and its ended children used."""

    max_rss_bytes: int
    """The largest resident set of one process."""
    user_s: float
    system_s: float


class Result(NamedTuple):
    """How an attempt ended. There is none when a signal or `os._exit` ended the process."""

    exit_code: int
    """As a shell tells it: 0 to 255, 128 + n for signal n."""
    exception: Optional[Failure]
    usage: Usage

    @classmethod
    def read(cls, folder: Path) -> Optional[Result]:
        """The result of an attempt's folder; None when there is none (yet), or it is not what a bootstrap writes.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            fields: Dict[str, Any] = json.loads((folder / RESULT_FILE).read_bytes())
            failure = fields["exception"]
            return cls(
                int(fields["exit_code"]),
                Failure(**failure) if failure is not None else None,
                Usage(**fields["usage"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def reserve(folder: Path) -> None:
    """Take the space of a short result beforehand, so that a script that fills the disk still gets its result.

    Raises:
        OSError: there is no space for it.
    """
    (folder / f"{RESULT_FILE}.part").write_bytes(bytes(RESERVED_BYTES))


def write_json(path: Path, fields: Any, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all, for its owner only unless told otherwise."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    fd = os.open(str(partial), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(json.dumps(fields))  # dump would go through Python, piece by piece
        partial.replace(path)
    except BaseException:
        if partial.exists():
            partial.unlink()
        raise
