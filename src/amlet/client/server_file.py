"""What a running local server tells of itself: `AMLET_HOME/server.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple, Optional


class ServerFile(NamedTuple):
    """The address and token of a local server, written by it when it listens.

    A clean end removes the file; one whose process is gone tells of a crash.
    """

    url: str
    token: str
    pid: int
    version: str
    protocol: int

    @classmethod
    def read(cls, path: Path) -> Optional[ServerFile]:
        """The file's content; None when there is none, or it is not what a server writes.

        Raises:
            OSError: when it is there but may not be read.
        """
        try:
            told = json.loads(path.read_bytes().decode("utf-8"))
            found = cls(*(told[name] for name in cls._fields))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None
        wanted = (str, str, int, str, int)
        return found if all(type(value) is kind for value, kind in zip(found, wanted)) else None

    @property
    def is_alive(self) -> bool:
        """Whether a process of that id runs as this user. One that ended as a child of ours counts as gone."""
        return is_alive(self.pid)


def is_alive(pid: int) -> bool:
    """Whether a process of this user, that is no zombie, has this id."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except OSError:  # gone, or another user's: the id was given to somebody else
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != b"Z"
