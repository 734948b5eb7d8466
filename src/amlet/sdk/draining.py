"""Bringing the journals of a run to its server, so that what was logged can be read back at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from amlet.wire.files import DrainQuery

if TYPE_CHECKING:
    from amlet.sdk.connection import Connection

PIECE_BYTES = 4 << 20


def drain(connection: Connection, run_id: str, attempt: int, folder: Path) -> None:
    """Send what the server lacks of every journal in a folder. Sending twice changes nothing.

    Raises:
        Unavailable: if the server cannot be reached. The journals stay, and the node brings them.
    """
    runs, workspace_id = connection.client.runs, connection.workspace_id
    for path in sorted(folder.glob("*.jsonl")):
        taken = runs.drain(workspace_id, run_id, b"", 0, DrainQuery(path.name, 0, attempt)).size_bytes
        with path.open("rb") as journal:
            while True:
                journal.seek(taken)
                piece = journal.read(PIECE_BYTES)
                whole = piece[: piece.rfind(b"\n") + 1]
                if not whole:
                    break
                query = DrainQuery(path.name, taken, attempt)
                after = runs.drain(workspace_id, run_id, whole, len(whole), query).size_bytes
                if after <= taken:
                    break
                taken = after
