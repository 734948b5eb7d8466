"""A process that outlives the one that starts it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, List, Mapping

if TYPE_CHECKING:
    _Popen = subprocess.Popen[bytes]
else:
    _Popen = subprocess.Popen


class Detached(_Popen):
    """A child in a session of its own: no Ctrl-C, closed terminal or end of its parent reaches it."""

    @classmethod
    def start(cls, command: List[str], *, output: int, folder: Path, variables: Mapping[str, str]) -> Detached:
        """Run a program with nothing to read.

        Args:
            output: The descriptor that its stdout and stderr go to.
            folder: Where it starts: one of ours, so that it neither holds the caller's folder nor finds modules there.
        """
        return cls(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=str(folder),
            env=dict(variables),
            start_new_session=True,
        )

    def __del__(self) -> None:
        """Popen warns of a child that is left running; this one is meant to be."""
