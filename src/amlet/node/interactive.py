"""Interactive runs whose process is gone: their journals are brought, and the runs ended. Nothing stays Running."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import AmletError, Conflict, InvalidInput, NotFound, StaleAttempt, Unavailable
from amlet.base.paths import Home
from amlet.client.connection import Client
from amlet.client.kept_files import FOLDER, bring_kept
from amlet.domain.run import FAILED, RunError, RunWarning
from amlet.node.offline import KILLED, OfflineRuns
from amlet.node.tails import TailFolder
from amlet.runtime.losses import losses_of
from amlet.runtime.process import ProcessMark
from amlet.wire.codec import from_json
from amlet.wire.files import DrainQuery
from amlet.wire.runs import EndRun

PAUSE_S = 2.0

log = logging.getLogger("amlet.node")


class Left(NamedTuple):
    """What a process noted of its run before it began."""

    workspace_id: str
    run_id: str
    process: ProcessMark
    url: str = ""
    """The server that it was told to."""


class Undertaker(threading.Thread):
    """Looks at the folders of this home's interactive and offline runs; takes care of those whose process is gone."""

    def __init__(self, home: Home, client: Client, ended: threading.Event) -> None:
        super().__init__(name="undertaker", daemon=True)
        self._folder = home.interactive
        self._offline = OfflineRuns(home.offline, client)
        self._client = client
        self._ended = ended

    def run(self) -> None:
        while not self._ended.wait(PAUSE_S):
            try:
                self._offline.look()
            except (AmletError, OSError) as error:
                log.info("offline runs: %s", error)
            if not self._folder.is_dir():
                continue
            for folder in sorted(self._folder.iterdir()):
                left = read_left(folder)
                if left is not None and not left.process.is_alive():
                    try:
                        bury(self._client, folder, left)
                    except Unavailable:
                        break
                    except (AmletError, OSError) as error:
                        log.error("interactive run %s: %s", left.run_id, error)


def read_left(folder: Path) -> Left | None:
    """The note in a run's folder; None when there is none that can be read."""
    try:
        told = json.loads((folder / "run.json").read_text())
        return Left(
            told["workspace_id"],
            told["run_id"],
            ProcessMark(told["pid"], told["started"], told["boot_id"]),
            str(told.get("url", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def bury(client: Client, folder: Path, left: Left) -> None:
    """Bring what the journals hold and the files kept, end the run if it has not ended, and remove the folder.

    Raises:
        Unavailable: if the server is away: it is tried again.
    """

    def drain(journal: str, offset: int, data: bytes) -> int:
        query = DrainQuery(journal, offset, 0)
        return client.runs.drain(left.workspace_id, left.run_id, data, len(data), query).size_bytes

    try:
        TailFolder(folder / "journals", drain).drain()
        bring_kept(client, left.workspace_id, left.run_id, folder / FOLDER, log.info)
        client.runs.end(left.workspace_id, left.run_id, _end_of(folder))
    except (StaleAttempt, Conflict, NotFound) as error:  # it has ended, or was deleted
        if isinstance(error, NotFound) and left.url not in ("", client.url):
            return  # of another server: `amlet sync` brings it there
        log.info("interactive run %s: %s", left.run_id, error.message)
    shutil.rmtree(folder, ignore_errors=True)


def _end_of(folder: Path) -> EndRun:
    """How the run ended, as its process noted it when it could not tell the server; else it was killed."""
    try:
        told: EndRun = from_json(EndRun, (folder / "end.json").read_bytes(), strict=False)
        return told
    except (OSError, InvalidInput):
        lost = losses_of(folder / "journals")
        warnings = [RunWarning("metrics", lost.sentence)] if lost is not None else []
        return EndRun(FAILED, RunError("SystemError", KILLED), warnings)
