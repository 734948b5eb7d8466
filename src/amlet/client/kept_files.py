"""Small files of a run that its process writes down before it brings them: what was logged outlives the process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Callable, List, Union

from amlet.base.errors import Conflict, StaleAttempt
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry

if TYPE_CHECKING:
    from amlet.client.connection import Client

FOLDER = "files"
"""Below the folder of the run, or of the attempt."""

INDEX = "index.jsonl"

AT_A_TIME = 500
"""Files in one call."""


class KeptFiles:
    """A folder of files by their hash, and an index: a line a file, its path in the run, hash and size.

    Safe from any thread and after a fork: the content is there before its line is.
    """

    def __init__(self, folder: Union[str, Path]) -> None:
        self._folder = str(folder)

    def add(self, path: str, content: bytes) -> Entry:
        """Write a file down.

        Raises:
            OSError: if it cannot be written.
        """
        entry = Entry(path, sha256_bytes(content), len(content))
        place = self.place_of(entry.sha256)  # a text: a Path costs as much as the write
        try:
            _write(place, os.O_TRUNC, content)
        except FileNotFoundError:
            os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103
            _write(place, os.O_TRUNC, content)
        line = json.dumps([entry.path, entry.sha256, entry.size_bytes]) + "\n"
        _write(f"{self._folder}/{INDEX}", os.O_APPEND, line.encode("ascii"))
        return entry

    def place_of(self, sha256: str) -> str:
        """Where the content of a file lies until it was brought."""
        return f"{self._folder}/{sha256}"

    def entries(self) -> List[Entry]:
        """All that was ever added; a torn last line was not."""
        try:
            with open(f"{self._folder}/{INDEX}", "rb") as index:  # noqa: PTH123
                lines = index.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                path, sha256, size_bytes = json.loads(line)
                found.append(Entry(str(path), str(sha256), int(size_bytes)))
            except (ValueError, TypeError):
                continue  # torn by a full disk
        return list(dict.fromkeys(found))


def bring_kept(client: Client, workspace_id: str, run_id: str, folder: Path, tell: Callable[[str], None]) -> None:
    """Bring what a process that is gone had written down. Bringing it twice changes nothing.

    Args:
        folder: What `KeptFiles` was given.
        tell: Gets one line for each file that cannot be brought.

    Raises:
        Unavailable: if the server cannot be reached.
        StaleAttempt, NotFound: if the run is over or gone.
    """
    kept = KeptFiles(folder)
    entries = kept.entries()
    for start in range(0, len(entries), AT_A_TIME):
        part = entries[start : start + AT_A_TIME]
        try:
            _put(client, workspace_id, run_id, kept, part)
        except Conflict as error:
            if isinstance(error, StaleAttempt):
                raise
            for entry in part:
                try:
                    _put(client, workspace_id, run_id, kept, [entry])
                except Conflict as refused:
                    if isinstance(refused, StaleAttempt):
                        raise
                    tell(refused.message)


def _put(client: Client, workspace_id: str, run_id: str, kept: KeptFiles, entries: List[Entry]) -> None:
    from amlet.client.uploads import submit_with_blobs
    from amlet.wire.files import Hashes
    from amlet.wire.runs import PutFiles

    missing = set(client.blobs.missing(workspace_id, Hashes([entry.sha256 for entry in entries])).sha256)
    there = [entry for entry in entries if entry.sha256 not in missing or os.path.exists(kept.place_of(entry.sha256))]  # noqa: PTH110
    if there:
        submit_with_blobs(
            lambda: client.runs.put_files(workspace_id, run_id, PutFiles(there)),
            client,
            workspace_id,
            {entry.sha256: (kept.place_of(entry.sha256), entry.size_bytes) for entry in there},
        )


def _write(place: str, flag: int, content: bytes) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)
