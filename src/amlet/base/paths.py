"""Paths: the names that files bear inside a run or a folder, and the layout of AMLET_HOME."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, Mapping, Optional

from amlet.base.errors import InvalidInput

PATH_LIMIT = 5_000
"""Characters in an artifact's path (v1-behaviours 3.13)."""


def relative_path(text: str) -> str:
    """Check a file's name inside a run, a snapshot or a model: `outputs/model.joblib`.

    The name is a key, never a place: no caller joins it to a folder of the server's. It is taken after one full
    decoding, so that no second decoding can change its meaning.

    Returns:
        The same text.

    Raises:
        InvalidInput: for an absolute path, an empty, `.` or `..` part, NUL, a lone surrogate, or too great a length.
    """
    parts = text.split("/")
    wrong = None
    if not text or len(text) > PATH_LIMIT:
        wrong = f"it must have 1 to {PATH_LIMIT:,} characters"
    elif text.startswith("/"):
        wrong = "it must be relative"
    elif any(part in ("", ".", "..") for part in parts):
        wrong = "it must have no empty, '.' or '..' part"
    elif "\x00" in text:
        wrong = "it must have no NUL"
    else:
        try:
            if any(len(part.encode("utf-8")) > 255 for part in parts):
                wrong = "no part of it may be longer than 255 bytes"
        except UnicodeEncodeError:
            wrong = "it is not valid Unicode"
    if wrong:
        raise InvalidInput(f"{text[:200]!r} cannot name a file: {wrong}.")
    return text


def inside(folder: Path, name: str) -> Path:
    """The place of a checked name below a folder that the caller owns (staging, a download)."""
    return folder / relative_path(name)


def owner_only(path: Path) -> Path:
    """Make a folder (and its parents) that only its owner can enter."""
    if not path.is_dir():
        owner_only(path.parent)  # `mkdir(parents=True)` would open the parents to everybody
        path.mkdir(exist_ok=True, mode=0o700)
    return path


class Home:
    """The layout of AMLET_HOME: every place on disk that is ours."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.server_file = root / "server.json"
        """Address and token of the server; 0600."""
        self.server_last = root / "server.last.json"
        """What the file above said before a stop: the next server takes the same port and token."""
        self.server_lock = root / "server.lock"
        """Held by the server for its life."""
        self.start_lock = root / "start.lock"
        """Held by the client that starts a server."""
        self.server_log = root / "server.log"
        self.secret_key = root / "secret.key"
        self.config = root / "config.toml"
        self.records = root / "records.db"
        self.backups = root / "backups"
        self.blobs = root / "blobs"
        self.logs = root / "logs"
        """Growing log files of runs and services, by number."""
        self.sdk = root / "sdk"
        """What is put ahead of a job's path: one folder a version."""
        self.datastores = root / "datastores"
        """The datastores that every workspace has: one folder a workspace."""
        self.data = root / "data"
        """Files of datastores elsewhere, by content. Only a cache: may be deleted while no run goes on."""
        self.environments = root / "environments"
        self.nodes = root / "nodes"
        self.ssh = root / "ssh"
        """Links to other machines, and the machines known."""
        self.ray = root / "ray"
        self.sweeps = root / "sweeps"
        """The log of the process that holds Ray, and the nodes that were seen there last."""
        self.parcels = root / "parcels"
        """What is brought along to other machines."""
        self.snapshots = root / "snapshots"
        """Hashes of files already seen, one file a source folder. Only a cache: may be deleted at any time."""
        self.interactive = root / "interactive"
        """Journals of interactive runs while they go on."""
        self.offline = root / "offline"
        """Journals of runs outside a job."""
        self.packages = root / "packages"
        """What `Model.package` made: one folder a package."""
        self.profiles = root / "profiles"
        """What `Model.profile` measured: one file a workspace and name."""

    @classmethod
    def find(cls, variables: Optional[Mapping[str, str]] = None) -> Home:
        """The home of this user: AMLET_HOME, else `~/.amlet`."""
        chosen = (os.environ if variables is None else variables).get("AMLET_HOME")
        return cls(Path(chosen).expanduser().resolve() if chosen else Path.home() / ".amlet")


def largest(files: Iterable[tuple[str, int]], count: int = 10) -> list[tuple[str, int]]:
    """The largest of (name, bytes) pairs, largest first."""
    return sorted(files, key=lambda item: -item[1])[:count]
