"""./outputs while the script runs: what is written and left alone for a moment can be seen at once (complaint 16).

A courtesy, of which nothing depends: the script's end settles what the run keeps. So it gives way in everything - it
runs at low priority, sends a file that keeps changing ever more seldom than that costs, leaves the rest for the end
when much of what it sent was replaced, and is never waited for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from amlet.artifacts.stage import collect_file
from amlet.base.errors import AmletError, InvalidInput, StaleAttempt
from amlet.client.connection import Client
from amlet.client.uploads import ROUNDS, Sources, send_missing
from amlet.domain.artifact import Entry
from amlet.wire.nodes import OUTPUTS, LiveOutputs

LOOK_S = 2.0
"""Between two looks; a file is sent that is the same in both."""

BUSY_SHARE = 20
"""A look takes at most one part in so many of the time: a folder of very many files is looked at more seldom."""

AGAIN_S = 10.0
"""After a failure: the server is away, or a disk full."""

REST = 10
"""A file that changes is sent again after so many times as long as its last sending took."""

FILES_LIMIT = 10_000
"""Further files are brought at the end."""

BATCH_FILES = 256
BATCH_BYTES = 256 << 20
"""Sent after one look; a larger file alone."""

SPARE_BYTES = 2 << 30
"""How much of what was sent may have been replaced or removed since, an hour: the server frees it after that."""

LOWER_PRIORITY = 10

log = logging.getLogger("amlet.node")


class Signature(NamedTuple):
    """What changes with a file's content."""

    size_bytes: int
    modified_ns: int
    changed_ns: int
    number: int


class _File:
    """A file as the looks found it."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.sent: Signature | None = None
        self.known: str | None = None
        """What the server has of it."""
        self.size_bytes = 0
        self.rest_until = 0.0


class _Ended(Exception):
    """The script has ended: what is under way is dropped."""


class Watch(threading.Thread):
    """Looks through ./outputs of one attempt until `end`. `end` waits for nothing."""

    def __init__(
        self,
        client: Client,
        workspace_id: str,
        run_id: str,
        attempt: int,
        folder: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name=f"outputs-{run_id}", daemon=True)
        self._client = client
        self._key = (workspace_id, run_id)
        self._attempt = attempt
        self._folder = folder
        self._monotonic = monotonic
        self._files: dict[str, _File] = {}
        self._gone: dict[str, str] = {}
        self._batch_files = BATCH_FILES
        self._began = monotonic()
        self._wasted_bytes = 0
        self._ended = threading.Event()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWER_PRIORITY)
        pause_s = LOOK_S
        while not self._ended.wait(pause_s):
            began = self._monotonic()
            try:
                due = self.look()
                pause_s = max(LOOK_S, BUSY_SHARE * (self._monotonic() - began))
                self.send(due)
            except (_Ended, StaleAttempt):
                return
            except (AmletError, OSError) as error:
                log.info("outputs of run %s: %s", self._key[1], error)
                pause_s = AGAIN_S
            except Exception:
                log.exception("outputs of run %s are brought at its end", self._key[1])
                return

    def look(self) -> list[str]:
        """The paths of files that have been left alone since the last look, and are not with the server: a batch."""
        found = dict(self._walk())
        now = self._monotonic()
        for path in [path for path in self._files if path not in found] if len(found) < FILES_LIMIT else []:
            file = self._files.pop(path)
            if file.known is not None:
                self._gone[path] = file.known
                self._wasted_bytes += file.size_bytes
        due = []
        for path, signature in found.items():
            held = self._files.get(path)
            if held is None:
                self._files[path] = _File(signature)
            elif held.signature != signature:
                held.signature = signature
            elif signature != held.sent and now >= held.rest_until:
                due.append(path)
        return self._batch(due)

    def send(self, paths: list[str]) -> None:
        """Bring these files, and tell which are gone.

        Raises:
            AmletError, OSError: as the server and the disk do; the next look finds them again.
        """
        if not (paths or self._gone):
            return
        began = self._monotonic()
        entries, signatures = self._hashed(paths)
        try:
            others = self._put(entries)
            self._batch_files = min(BATCH_FILES, self._batch_files * 2)
        except InvalidInput as error:  # one was changed while it was sent: which one, smaller batches tell
            log.info("outputs of run %s: %s", self._key[1], error)
            self._batch_files = 1
            others, entries = {}, []
        took_s = self._monotonic() - began
        total = sum(self._files[path].signature.size_bytes for path in paths) or 1
        for path in paths:
            file = self._files[path]
            share = file.signature.size_bytes / total if len(paths) > 1 else 1.0
            file.rest_until = self._monotonic() + REST * took_s * share
        for entry in entries:
            file = self._files[entry.path]
            if file.known not in (None, entry.sha256):
                self._wasted_bytes += file.size_bytes
            file.known, file.size_bytes = others.get(entry.path, entry.sha256), entry.size_bytes
            if entry.path not in others:
                file.sent = signatures[entry.path]

    def _batch(self, due: list[str]) -> list[str]:
        hours = (self._monotonic() - self._began) / 3600
        if self._wasted_bytes > SPARE_BYTES * (1 + hours):
            return []
        batch: list[str] = []
        size_bytes = 0
        for path in sorted(due, key=lambda path: self._files[path].signature.size_bytes):
            size_bytes += self._files[path].signature.size_bytes
            if batch and (len(batch) >= self._batch_files or size_bytes > BATCH_BYTES):
                break
            batch.append(path)
        return batch

    def _hashed(self, paths: list[str]) -> tuple[list[Entry], dict[str, Signature]]:
        """Those that stayed as they were while they were read."""
        entries: list[Entry] = []
        signatures: dict[str, Signature] = {}
        for path in paths:
            self._check()
            place = self._place(path)
            entry = collect_file(path, place)
            if entry is None:  # unreadable, or no name for a file of a run: until it changes
                self._files[path].sent = self._files[path].signature
                continue
            with contextlib.suppress(OSError):
                if _signature(os.stat(place)) == self._files[path].signature:  # noqa: PTH116
                    entries.append(entry)
                    signatures[path] = self._files[path].signature
        return entries, signatures

    def _put(self, entries: list[Entry]) -> dict[str, str]:
        sources: Sources = {entry.sha256: (self._place(entry.path), entry.size_bytes) for entry in entries}
        known = dict(self._gone)
        for entry in entries:
            held = self._files[entry.path].known
            if held is not None:
                known[entry.path] = held
        gone = [path for path in self._gone if path not in self._files]
        asked = LiveOutputs(self._attempt, entries, known, gone)
        for _ in range(ROUNDS):
            self._check()
            answer = self._client.nodes.put_outputs(*self._key, asked)
            if not answer.missing:
                self._gone.clear()
                return answer.others
            send_missing(self._client, self._key[0], answer.missing, sources, lambda _sent, _total: self._check())
        raise InvalidInput("The server goes on asking for files that it was sent.")

    def _check(self) -> None:
        if self._ended.is_set():
            raise _Ended

    def _place(self, path: str) -> str:
        return f"{self._folder}/{path[len(OUTPUTS) :]}"

    def _walk(self) -> Iterator[tuple[str, Signature]]:
        """Regular files and what they are, up to the limit. What vanishes meanwhile is left out."""
        waiting = [""]
        left = FILES_LIMIT
        while waiting and left:
            below = waiting.pop()
            self._check()
            with contextlib.suppress(OSError), os.scandir(f"{self._folder}/{below}") as children:
                for child in children:
                    with contextlib.suppress(OSError):
                        if child.is_dir(follow_symlinks=False):
                            waiting.append(f"{below}{child.name}/")
                        elif child.is_file():
                            yield f"{OUTPUTS}{below}{child.name}", _signature(child.stat())
                            left -= 1
                            if not left:
                                return


def _signature(info: os.stat_result) -> Signature:
    return Signature(info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
