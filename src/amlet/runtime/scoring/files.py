"""The files of a replica's folder: the node writes `replica.json`, the replica answers with `state.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from amlet.runtime.attempt import write_json

REPLICA_FILE = "replica.json"
STATE_FILE = "state.json"
MAX_BODY_BYTES = 100 << 20
"""v1-behaviours 15.16."""


class ReplicaFile(NamedTuple):
    """What a replica is to serve, and where."""

    model_path: str
    """The model's file, or a folder that holds it."""
    socket_fd: int
    """The number of the inherited listening socket."""
    overlay: Optional[str] = None
    """The folder that holds httptools (and uvloop) for this Python; None when the build has them."""
    max_body_bytes: int = MAX_BODY_BYTES
    keys: Optional[List[str]] = None
    """When given, requests need one of them; when None, the service is open."""

    def write(self, folder: Path) -> Path:
        """Put it into a replica's folder, for its owner only."""
        path = folder / REPLICA_FILE
        write_json(path, self._asdict())
        return path

    @classmethod
    def read(cls, folder: Path) -> ReplicaFile:
        """The order of a replica's folder."""
        return cls(**json.loads((folder / REPLICA_FILE).read_bytes()))


class ReplicaState(NamedTuple):
    """What became of a replica: `Healthy` once it answers, `Failed` when it does not load its model."""

    state: str
    facts: Dict[str, Any] = {}
    """Of a healthy one: see `ScoringModel.facts`."""
    error: Optional[str] = None
    """One sentence."""
    traceback: Optional[str] = None

    def write(self, folder: Path) -> None:
        write_json(folder / STATE_FILE, self._asdict())

    @classmethod
    def read(cls, folder: Path) -> Optional[ReplicaState]:
        """The state of a replica's folder; None when it has told none yet."""
        try:
            return cls(**json.loads((folder / STATE_FILE).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
