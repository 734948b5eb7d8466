"""Offline runs that were brought to this server while they went on, and whose process is gone since: they are ended.

What they logged last comes with it. The rest of what they left - tags, files - `amlet sync` brings as ever.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import Conflict, InvalidInput, NotFound, StaleAttempt
from amlet.client.connection import Client
from amlet.domain.run import FAILED, RunError
from amlet.node.tails import TailFolder
from amlet.runtime.process import ProcessMark
from amlet.wire.codec import decode
from amlet.wire.files import DrainQuery
from amlet.wire.runs import EndRun

KILLED = "The process of the run ended without a result: killed by a signal or out of memory."

log = logging.getLogger("amlet.node")


class Synced(NamedTuple):
    """A run of which a server has a part, as its folder says."""

    workspace_id: str
    run_id: str
    process: ProcessMark


class OfflineRuns:
    """The folder of offline runs of this home."""

    def __init__(self, folder: Path, client: Client) -> None:
        self._folder = folder
        self._client = client
        self._ended: set[tuple[str, int]] = set()
        """Folders seen to have ended, by the time of their note: a run goes on in none of them."""

    def look(self) -> None:
        """End what is to be ended.

        Raises:
            Unavailable, StorageFailed, OSError: if the server is away, its disk full, or a file cannot be read: it is
                tried again.
        """
        for folder, key in self._open():
            found = read_synced(folder, self._client.url)
            if found is None:
                self._ended.add(key)
            elif not found.process.is_alive():
                try:
                    end_synced(self._client, folder, found)
                except (StaleAttempt, Conflict, NotFound) as error:  # it has ended, or was deleted
                    log.info("offline run %s: %s", found.run_id, error.message)
                except InvalidInput as error:  # a damaged file: `amlet sync` says so to whoever asks
                    log.error("offline run %s: %s", found.run_id, error)
                self._ended.add(key)

    def _open(self) -> Iterator[tuple[Path, tuple[str, int]]]:
        try:
            folders = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return
        for folder in folders:
            try:
                key = (folder.name, (folder / "synced.json").stat().st_mtime_ns)
            except OSError:  # no server has any of it
                continue
            if key not in self._ended:
                yield folder, key


def read_synced(folder: Path, url: str) -> Synced | None:
    """Who the run of a folder is; None unless this server has a part of it and not its end."""
    try:
        synced = json.loads((folder / "synced.json").read_bytes())
        told = json.loads((folder / "run.json").read_bytes())
        if synced["is_over"] or synced["url"] != url:
            return None
        return Synced(str(synced["workspace_id"]), str(told["run_id"]), ProcessMark(**told["process"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def end_synced(client: Client, folder: Path, run: Synced) -> None:
    """Bring what the journals of a run hold, and end it as it said, or as killed.

    Raises:
        Unavailable: if the server is away.
        StaleAttempt, Conflict, NotFound: if it has ended, or was deleted.
    """

    def drain(journal: str, offset: int, data: bytes) -> int:
        query = DrainQuery(journal, offset, 0)
        return client.runs.drain(run.workspace_id, run.run_id, data, len(data), query).size_bytes

    TailFolder(folder / "journals", drain).drain()
    client.runs.end(run.workspace_id, run.run_id, _end_of(folder))


def _end_of(folder: Path) -> EndRun:
    events = folder / "events.jsonl"
    lines = events.read_bytes().splitlines() if events.is_file() else []
    for line in reversed(lines):
        try:
            content = json.loads(line).get("end")
        except (ValueError, AttributeError):
            continue  # torn
        if content is not None:
            told: EndRun = decode(EndRun, content, strict=False)
            return told
    times = [path.stat().st_mtime for path in [*(folder / "journals").glob("*.jsonl"), *([events] if lines else [])]]
    ended = datetime.fromtimestamp(max(times), timezone.utc) if times else None
    return EndRun(FAILED, RunError("SystemError", KILLED), ended=ended)
