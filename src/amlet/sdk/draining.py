"""Bringing the journals of a run to its server, so that what was logged can be read back at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional

from amlet.wire.files import DrainQuery

if TYPE_CHECKING:
    from amlet.client.connection import Client
    from amlet.wire.runs import JournalPiece

SUFFIX = ".jsonl"

PIECE_BYTES = 4 << 20

LAST_BYTES = 256 << 10
"""So much may travel with the end of a run, in one call."""

LONGEST_PIECE_BYTES = 16 << 20
"""The server takes no more at once."""


class Drainer:
    """Sends what the server lacks of every journal in a folder. Sending twice changes nothing.

    One thread at a time.
    """

    def __init__(self, folder: Path, run_id: str, attempt: int, *, is_new: bool = False) -> None:
        """`is_new`: the server has nothing of the folder yet, so it need not be asked what it has."""
        self._folder = str(folder)
        self._run_id = run_id
        self._attempt = attempt
        self._is_new = is_new
        self._taken: Dict[str, int] = {}

    def drain(self, client: Client, workspace_id: str) -> None:
        """Send it.

        Raises:
            Unavailable: if the server cannot be reached. The journals stay.
            StaleAttempt: if the run is over, or another attempt took its place.
        """
        for name in self._names():
            self._drain_one(client, workspace_id, name)

    def last(self) -> Optional[List[JournalPiece]]:
        """What the server lacks, for the call that ends the run; None when that is too much for it, or not known.

        What is given counts as lacking: a call that fails has taken nothing.
        """
        from amlet.wire.runs import JournalPiece

        found: List[JournalPiece] = []
        left = LAST_BYTES
        for name in self._names():
            taken = self._taken.get(name, 0 if self._is_new else None)
            if taken is None:
                return None
            with open(f"{self._folder}/{name}", "rb") as journal:  # noqa: PTH123
                journal.seek(taken)
                piece = journal.read(left + 1)
            if len(piece) > left:
                return None
            left -= len(piece)
            whole = piece[: piece.rfind(b"\n") + 1]
            if whole and not whole.isascii():
                return None  # damaged: as bytes it is taken for what it is
            if whole:
                found.append(JournalPiece(name, taken, whole.decode("ascii")))
        return found

    def _names(self) -> List[str]:
        try:
            return sorted(name for name in os.listdir(self._folder) if name.endswith(SUFFIX))  # noqa: PTH208
        except FileNotFoundError:
            return []

    def _drain_one(self, client: Client, workspace_id: str, name: str) -> None:
        path = f"{self._folder}/{name}"
        if name not in self._taken:
            self._taken[name] = 0 if self._is_new else self._send(client, workspace_id, name, 0, b"")
        with open(path, "rb") as journal:  # noqa: PTH123
            piece_bytes = PIECE_BYTES
            while True:
                taken = self._taken[name]
                journal.seek(taken)
                piece = journal.read(piece_bytes)
                whole = piece[: piece.rfind(b"\n") + 1]
                if not whole:
                    if len(piece) < piece_bytes or piece_bytes >= LONGEST_PIECE_BYTES:
                        return
                    piece_bytes *= 2  # one line is longer than a piece
                    continue
                after = self._taken[name] = self._send(client, workspace_id, name, taken, whole)
                if after == taken:
                    return

    def _send(self, client: Client, workspace_id: str, name: str, offset: int, data: bytes) -> int:
        query = DrainQuery(name, offset, self._attempt)
        return client.runs.drain(workspace_id, self._run_id, data, len(data), query).size_bytes
