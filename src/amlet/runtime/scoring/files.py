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

NEEDED = ("httptools>=0.6,<1",)
WELCOME = ("uvloop>=0.17,<1", "orjson>=3.8,<4")
"""What a replica needs beside its build, and what it takes where there is a wheel."""


class ReplicaFile(NamedTuple):
    """What a replica is to serve, and where."""

    socket_fd: int
    """The number of the inherited listening socket."""
    model_path: str = ""
    """Without an entry script: the model's file, or a folder that holds it."""
    source: str = ""
    """The entry script's folder."""
    entry_script: Optional[str] = None
    """Relative to `source`; None: the model is served without code."""
    overlay: Optional[str] = None
    """The folder that holds httptools (and uvloop) for this Python; None when the build has them."""
    name: str = "0"
    """This process's alone among those that share the folder for counts."""
    counts: str = "counts"
    """That folder, relative to the replica's."""
    max_body_bytes: int = MAX_BODY_BYTES
    scoring_timeout_ms: int = 60_000
    max_wait_ms: Optional[int] = None
    max_concurrent: Optional[int] = None
    cors_origins: List[str] = []
    batching: bool = True
    trained_with: Optional[str] = None
    """The version of scikit-learn that trained the model; another one is refused. None: any serves."""
    framework: Optional[str] = None
    """What the model was registered as; None: its file's name tells."""
    method: Optional[str] = None
    trusted: List[str] = []
    accelerate: bool = False
    sample_request: Optional[str] = None
    sample_answer: Optional[str] = None
    capture: Optional[Dict[str, Any]] = None
    """`inputs`, `predictions` and `share` of a `Capture`."""
    captures: str = "captures"
    """Where what is captured goes, relative to the replica's folder or absolute."""

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
