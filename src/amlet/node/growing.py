"""What grows while an attempt's script runs: what it prints, ./logs, its journals. The last comes with its end."""

from __future__ import annotations

import base64
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from amlet.client.connection import Client
from amlet.domain.job import Lease
from amlet.node.gang import Part
from amlet.node.tails import LAST_BYTES, Tail, TailFolder
from amlet.wire.files import AppendQuery, DrainQuery
from amlet.wire.nodes import LastBytes

SCAN_S = 0.5
"""How often folders are looked through for new files."""

FIRST_S = 0.25
"""Nothing is sent sooner: most runs that start warm are over by then."""


class Last(NamedTuple):
    """What of it was not sent when the script ended."""

    logs: list[LastBytes]
    journals: list[LastBytes]


class Growing:
    """Sends on, by offset, what grows. Used by one thread."""

    def __init__(self, client: Client, lease: Lease, part: Part, folder: Path, output: Path, *, is_new: bool) -> None:
        """
        Args:
            folder: the attempt's.
            output: what its process prints to.
            is_new: nothing of it was sent, by nobody: the attempt was not adopted.
        """
        self._client = client
        self._lease = lease
        self._part = part
        self._began = self._scanned = time.monotonic()
        self._printed = {
            name: Tail(path, partial(self._append, name), is_new=is_new) for path, name in part.logs(folder, output)
        }
        self._logs = TailFolder(
            folder / "work" / "logs",
            lambda name, at, data: self._append(self._log_name(name), at, data),
            is_new=is_new,
        )
        self._journals = TailFolder(folder / "journals", self._drain, is_new=is_new)

    def advance(self) -> None:
        """Send what is new, a chunk of each file; now and then look for new files.

        Raises:
            AmletError, OSError: as the server and the disk do; the next call goes on from there.
        """
        if time.monotonic() - self._began < FIRST_S:
            return
        for tail in self._printed.values():
            tail.advance()
        if time.monotonic() - self._scanned > SCAN_S:
            self._scanned = time.monotonic()
            self._logs.advance()
            self._journals.advance()

    def drain(self) -> None:
        """Send all there is. Raises as `advance`."""
        for tail in self._printed.values():
            tail.drain()
        self._journals.drain()
        self._logs.drain()

    def last(self) -> Last | None:
        """What was not sent yet; None when that is too much for one request."""
        printed = {name: tail.rest() for name, tail in self._printed.items()}
        logs, journals = self._logs.rest(), self._journals.rest()
        if logs is None or journals is None:
            return None
        of_logs = {self._log_name(name): rest for name, rest in logs.items()}
        of_logs.update((name, rest) for name, rest in printed.items() if rest is not None)
        size_bytes = sum(len(data) for _, data in (*of_logs.values(), *journals.values()))
        if None in printed.values() or size_bytes > LAST_BYTES:
            return None
        return Last(
            [_encoded(name, *rest) for name, rest in of_logs.items() if rest[1]],
            [_encoded(self._part.journal_name(name), *rest) for name, rest in journals.items()],
        )

    def _log_name(self, name: str) -> str:
        return self._part.file_name("logs/" + name)

    def _append(self, path: str, offset: int, data: bytes) -> int:
        query = AppendQuery(path, offset, self._lease.attempt)
        key = (self._lease.workspace_id, self._lease.run_id)
        return self._client.nodes.append_log(*key, data, len(data), query).size_bytes

    def _drain(self, journal: str, offset: int, data: bytes) -> int:
        query = DrainQuery(self._part.journal_name(journal), offset, self._lease.attempt)
        key = (self._lease.workspace_id, self._lease.run_id)
        return self._client.runs.drain(*key, data, len(data), query).size_bytes


def _encoded(name: str, offset: int, data: bytes) -> LastBytes:
    return LastBytes(name, offset, base64.b64encode(data).decode("ascii"))
