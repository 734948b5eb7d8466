"""Bringing runs that were kept on this machine to their server: once, however often it is asked."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from amlet.base.clock import from_iso
from amlet.base.errors import AmletError, Conflict, NotFound, StaleAttempt, StorageFailed, Unavailable
from amlet.base.paths import Home
from amlet.domain.run import FAILED, RunError
from amlet.runtime.process import ProcessMark
from amlet.sdk.connection import Connection, Names
from amlet.sdk.draining import Drainer
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.notice import warn
from amlet.sdk.offline_store import EVENTS, JOURNALS, Note, OfflineFolder, read_events, read_note

if TYPE_CHECKING:
    from amlet.domain.run import Run as RunRecord
    from amlet.sdk.run import Run

LOCK_FILE = "sync.lock"
SYNCED_FILE = "synced.json"

DEFAULT = Names("local", "local", "default")
"""The workspace of runs that began where no config.json was."""

KILLED = "The process of the run ended without a result: killed by a signal or out of memory."


class Synced(NamedTuple):
    """synced.json: how much of a run its server has."""

    workspace_id: str
    url: str
    events_bytes: int = 0
    journals_bytes: int = 0
    is_over: bool = False


def sync(folders: Optional[Sequence[Union[str, Path]]] = None) -> List[Run]:
    """Bring runs that were outside a job to the server of their workspace.

    Runs whose process still goes on are brought as far as they are; runs whose process was killed end as Failed. Any
    number of processes may do this at once.

    Args:
        folders: Folders of runs, or folders that hold such; default: all of this machine, and interactive runs whose
            process was killed while their server was away.

    Returns:
        The runs of which something was brought.
    """
    home, held = Home.find(), _Connections()
    found = _family_order(_run_folders([home.offline] if folders is None else [Path(folder) for folder in folders]))
    brought = []
    with as_v1():
        for folder, note in found:
            connection = held.of(note)
            try:
                record = bring(folder, connection)
            except (Unavailable, StorageFailed):
                raise
            except AmletError as error:
                warn(f"{note.run_id} is not brought: {error.message}")
                continue
            if record is not None:
                brought.append(_run(connection, record))
        if folders is None and home.interactive.is_dir():
            for folder in sorted(home.interactive.iterdir()):
                _adopt(folder)
    return brought


def bring(folder: Path, held: Connection) -> Optional[RunRecord]:
    """Bring one run, and before it its parents, as far as its server lacks it.

    Returns:
        The run there; None when its server had all of it.
    """
    note = read_note(folder)
    if note is None:
        raise UserErrorException(f"{folder} holds no run.", hint="give a folder with a run.json.")
    if note.parent_id is not None and read_note(folder.parent / note.parent_id) is not None:
        bring(folder.parent / note.parent_id, held)
    with _locked(folder):
        return _Bringing(folder, note, held).bring()


class _Bringing:
    """One go at bringing a run, under its lock."""

    def __init__(self, folder: Path, note: Note, held: Connection) -> None:
        self._folder = folder
        self._note = note
        self._held = held

    def bring(self) -> Optional[RunRecord]:
        journals, events_end = _journals_bytes(self._folder), _size(self._folder / EVENTS)
        done = _read_synced(self._folder)
        if done is not None and done.is_over and (done.events_bytes, done.journals_bytes) == (events_end, journals):
            return None
        # Looked at before the journals are: what a live process writes meanwhile is for the next time.
        is_alive = self._note.process.is_alive()
        runs, workspace_id = self._held.client.runs, self._held.workspace_id
        if done is None or done.workspace_id != workspace_id:
            done = Synced(workspace_id, self._held.client.url)
        record = self._start()
        if not record.is_over:
            Drainer(self._folder / JOURNALS, self._note.run_id, 0).drain(self._held.client, workspace_id)
        events, offset = read_events(self._folder, done.events_bytes)
        for event in events:
            self._tell(event.kind, event.content)
        all_events = events if not done.events_bytes else read_events(self._folder)[0]
        end = next((event.content for event in all_events if event.kind == "end"), None)
        is_over = end is not None or not is_alive
        if is_over and not record.is_over:
            asked = _end_of(end) if end is not None else _killed(self._folder)
            try:
                record = runs.end(workspace_id, self._note.run_id, asked)
            except Conflict:
                record = runs.get(workspace_id, self._note.run_id).run
        _write_synced(self._folder, done._replace(events_bytes=offset, journals_bytes=journals, is_over=is_over))
        return record

    def _start(self) -> RunRecord:
        from amlet.wire.runs import StartRun, StartRuns

        note = self._note
        asked = StartRun(
            note.experiment,
            note.run_id,
            name=note.name,
            parent_id=note.parent_id,
            started=from_iso(note.started),
        )
        record: RunRecord = self._held.client.runs.start(self._held.workspace_id, StartRuns([asked])).runs[0]
        return record

    def _tell(self, kind: str, content: Any) -> None:
        from amlet.client.uploads import submit_with_blobs
        from amlet.sdk.progress import Progress
        from amlet.wire.codec import decode
        from amlet.wire.runs import PutFiles, UpdateRun

        client, workspace_id, run_id = self._held.client, self._held.workspace_id, self._note.run_id
        if kind == "update":
            client.runs.update(workspace_id, run_id, decode(UpdateRun, content, strict=False))
        elif kind == "files":
            asked: PutFiles = decode(PutFiles, content, strict=False)
            store = OfflineFolder(self._folder)
            there = [entry for entry in asked.entries if store.place_of(entry.sha256).is_file()]
            gone = [entry.path for entry in asked.entries if entry not in there]
            if gone:
                warn(f"{run_id}: the bytes of {', '.join(gone)} are not in {self._folder} any more.")
            with Progress("sending") as progress:
                submit_with_blobs(
                    lambda: client.runs.put_files(workspace_id, run_id, PutFiles(there, replace=True)),
                    client,
                    workspace_id,
                    {entry.sha256: (store.place_of(entry.sha256), entry.size_bytes) for entry in there},
                    progress,
                )


class _Connections:
    """One connection a workspace."""

    def __init__(self) -> None:
        self._held: Dict[Tuple[Names, Optional[str]], Connection] = {}

    def of(self, note: Note) -> Connection:
        """The workspace where the run began, else that of this folder, else the default one."""
        from amlet.sdk import config_file

        names, url = (Names(*note.workspace), note.url) if note.workspace else (DEFAULT, None)
        if note.workspace is None:
            place, _ = config_file.search(Path.cwd(), config_file.FILES)
            if place is not None:
                found = config_file.read(place)
                names, url = Names(*found[:3]), found.amlet_url
        if (names, url) not in self._held:
            self._held[names, url] = Connection(names, url=url)
        return self._held[names, url]


def _run_folders(places: Sequence[Path]) -> List[Tuple[Path, Note]]:
    found = []
    for place in places:
        if not place.is_dir():
            if place == Home.find().offline:
                continue
            raise UserErrorException(
                f"{place} is not a folder.", hint="give the folder of a run, or one that holds some."
            )
        for folder in [place, *sorted(place.iterdir())]:
            note = read_note(folder) if folder.is_dir() else None
            if note is not None:
                found.append((folder, note))
    return found


def _family_order(found: List[Tuple[Path, Note]]) -> List[Tuple[Path, Note]]:
    """Older first: parents before their children."""
    return sorted(found, key=lambda item: item[1].started)


def _run(held: Connection, record: RunRecord) -> Run:
    from amlet.sdk.run import Run
    from amlet.sdk.workspace import Workspace

    return Run._of_record(Workspace(*held.names, _held=held), record)


def _end_of(content: Any) -> Any:
    from amlet.wire.codec import decode
    from amlet.wire.runs import EndRun

    return decode(EndRun, content, strict=False)


def _killed(folder: Path) -> Any:
    """The end of a run whose process is gone without a word: when it last wrote something."""
    from amlet.wire.runs import EndRun

    times = [path.stat().st_mtime for path in (*(folder / JOURNALS).glob("*.jsonl"), folder / EVENTS) if path.exists()]
    ended = datetime.fromtimestamp(max(times), timezone.utc) if times else None
    return EndRun(FAILED, RunError("SystemError", KILLED), ended=ended)


def _journals_bytes(folder: Path) -> int:
    return sum(_size(path) for path in (folder / JOURNALS).glob("*.jsonl"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process a run at a time; the others wait."""
    try:
        fd = os.open(str(folder / LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed.from_os_error(error, folder / LOCK_FILE) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read_synced(folder: Path) -> Optional[Synced]:
    try:
        return Synced(**json.loads((folder / SYNCED_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write_synced(folder: Path, synced: Synced) -> None:
    partial = folder / f".{SYNCED_FILE}.{os.getpid()}"
    try:
        partial.write_text(json.dumps(synced._asdict()), "utf-8")
        partial.replace(folder / SYNCED_FILE)
    except OSError as error:
        raise StorageFailed.from_os_error(error, folder / SYNCED_FILE) from error


def _adopt(folder: Path) -> None:
    """An interactive run whose process is gone: bring its journals, end it, remove its folder.

    The node of this machine does so too, for runs of this machine's own server; doing it twice changes nothing.
    """
    from amlet.client.kept_files import FOLDER, bring_kept
    from amlet.sdk.connection import connect
    from amlet.sdk.interactive import END_FILE, RUN_FILE

    try:
        told = json.loads((folder / RUN_FILE).read_bytes())
        mark = ProcessMark(told["pid"], told["started"], told["boot_id"])
        workspace_id, run_id, url = str(told["workspace_id"]), str(told["run_id"]), str(told["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if mark.is_alive():
        return
    noted = folder / END_FILE
    try:
        asked = _end_of(json.loads(noted.read_bytes())) if noted.is_file() else _killed(folder)
    except ValueError:
        asked = _killed(folder)
    try:
        client = connect()
        try:
            client.runs.get(workspace_id, run_id)
        except NotFound:
            if client.url != url:
                client = connect(url)
        Drainer(folder / JOURNALS, run_id, 0).drain(client, workspace_id)
        bring_kept(client, workspace_id, run_id, folder / FOLDER, warn)
        client.runs.end(workspace_id, run_id, asked)
    except (StaleAttempt, Conflict, NotFound) as error:
        warn(f"interactive run {run_id}: {error.message}")
    except AmletError as error:
        warn(f"interactive run {run_id} is not brought: {error.message}")
        return
    shutil.rmtree(folder, ignore_errors=True)
