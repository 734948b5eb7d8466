"""The port of conda's programs: one solves a list of conda's lines, and installs exact files into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from amlet.base.hashing import sha256_stream
from amlet.domain.environment import CondaFile

Log = Callable[[str], None]


class CondaPackage(NamedTuple):
    """One package of a solution."""

    file: CondaFile
    is_python: bool
    """It may hold a Python distribution of its name."""


class CondaBackend(Protocol):
    """A program that speaks conda. Safe to use from any thread; both methods block, for minutes at worst."""

    name: str
    """As users know it: `micromamba`."""
    knows_dates: bool
    """Whether it can leave out what is younger than a day."""

    def solve(self, specs: Sequence[str], channels: Sequence[str], as_of: str | None, log: Log) -> list[CondaPackage]:
        """Find the packages that fit together, for this machine.

        Args:
            specs: Conda's lines, the Python's among them.
            channels: First looked at first; names or URLs.
            as_of: Leave out what is younger than this day; only for one that knows dates.

        Returns:
            Every package that is needed; their URLs hold no login, whatever the program's settings say.

        Raises:
            CondaFailed: nothing fits, or a channel cannot be reached.
            EnvironmentFailed: the program took too long or was killed.
        """
        ...

    def install(self, files: Sequence[CondaFile], prefix: Path, log: Log) -> None:
        """Install exactly these files, and check their hashes.

        Args:
            prefix: An empty folder; packages are told that they lie there.

        Raises:
            CondaFailed: a file cannot be had or is not the one that was locked.
            EnvironmentFailed: the program took too long or was killed.
        """
        ...


UNSOLVABLE = "unsolvable"
UNREACHABLE = "unreachable"
BAD_HASH = "bad hash"
OTHER = "other"

NOT_THE_LOCKED = "the file of {} is not the one that was locked"


class CondaFailed(Exception):
    """A program said why it could not."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        """One sentence without a full stop and without a login."""


def is_file(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this digest."""
    try:
        with path.open("rb") as stream:
            return sha256_stream(stream)[0] == sha256
    except OSError:
        return False


def sentence(text: str, *, longest: int = 700) -> str:
    """What a program wrote, as one line: trees and frames that it drew are taken out."""
    words = "".join(" " if "\u2500" <= sign <= "\u257f" else sign for sign in text).split()
    line = " ".join(words).strip()
    return (line if len(line) <= longest else line[:longest] + "…").rstrip(". ")
