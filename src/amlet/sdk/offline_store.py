"""What is kept of a run outside a job, below AMLET_HOME/offline/<run id>/.

run.json       who it is: experiment, workspace, parent, and the mark of its process; written once
journals/      what was logged
events.jsonl   what else happened, one line each, in order: changes, files, the end
files/         the bytes of its files, by sha256
synced.json    how much of it a server has
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from amlet.base.paths import owner_only
from amlet.runtime.process import ProcessMark
from amlet.sdk.local_files import LocalFiles
from amlet.sdk.notice import warn

RUN_FILE = "run.json"
JOURNALS = "journals"
EVENTS = "events.jsonl"
FILES = "files"


class Note(NamedTuple):
    """run.json."""

    run_id: str
    experiment: str
    started: str
    """ISO time."""
    process: ProcessMark
    workspace: Optional[Tuple[str, str, str]] = None
    """That of the config.json where the run began."""
    url: Optional[str] = None
    name: Optional[str] = None
    parent_id: Optional[str] = None


class Event(NamedTuple):
    """One line of events.jsonl: `update`, `files` or `end`, and the wire's record of it, encoded."""

    kind: str
    content: Any


class OfflineFolder:
    """The folder of one run. Trouble with storage is told once, never raised: training goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun = False
        self._told = False

    def begin(self, note: Note) -> None:
        """Make the folder with its note."""
        self.begun = True
        try:
            owner_only(self.folder)
            partial = self.folder / f".{RUN_FILE}.{os.getpid()}"
            partial.write_text(json.dumps({**note._asdict(), "process": note.process._asdict()}), "utf-8")
            partial.replace(self.folder / RUN_FILE)
        except OSError as error:
            self._tell(error)

    def add(self, kind: str, record: Any) -> None:
        """Append one event: a record of the wire."""
        from amlet.wire.codec import encode

        line = json.dumps({kind: encode(record)}).encode("ascii") + b"\n"
        try:
            fd = os.open(str(self.folder / EVENTS), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)
        except OSError as error:
            self._tell(error)

    def keep(self, files: LocalFiles) -> None:
        """Copy the bytes of files.

        Raises:
            OSError: if they cannot be copied.
        """
        owner_only(self.folder / FILES)
        for sha256, (source, _) in files.sources.items():
            target = self.place_of(sha256)
            if not target.exists():
                partial = target.with_name(f".{sha256}.{os.getpid()}")
                shutil.copyfile(str(source), str(partial))
                partial.replace(target)

    def place_of(self, sha256: str) -> Path:
        """Where the bytes of a file are."""
        return self.folder / FILES / sha256

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            warn(f"the run goes on, but cannot be kept in {self.folder}: {error.strerror}.")


class FileBody:
    """A file of this machine, read as an answer of the server's is."""

    def __init__(self, place: Path, offset: int) -> None:
        self._place = place
        self._offset = offset
        self.total_bytes: Optional[int] = place.stat().st_size

    def chunks(self, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """The bytes from the offset on."""
        with self._place.open("rb") as file:
            file.seek(self._offset)
            while True:
                chunk = file.read(chunk_bytes)
                if not chunk:
                    return
                yield chunk

    def __enter__(self) -> FileBody:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def read_note(folder: Path) -> Optional[Note]:
    """Who the run of a folder is; None when the folder holds none."""
    try:
        told: Dict[str, Any] = json.loads((folder / RUN_FILE).read_bytes())
        told["process"] = ProcessMark(**told["process"])
        workspace = told.get("workspace")
        told["workspace"] = (str(workspace[0]), str(workspace[1]), str(workspace[2])) if workspace else None
        return Note(**told)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def read_events(folder: Path, offset: int = 0) -> Tuple[List[Event], int]:
    """The events from a byte on, and the byte behind them. A torn last line is not yet written."""
    try:
        with (folder / EVENTS).open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return list(_events(whole)), offset + len(whole)


def _events(data: bytes) -> Iterator[Event]:
    for line in data.splitlines():
        try:
            ((kind, content),) = json.loads(line).items()
        except (ValueError, AttributeError):
            continue  # torn by a full disk
        yield Event(kind, content)
