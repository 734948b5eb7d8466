"""What a run brings while it goes on: log bytes, journal bytes, files."""

from __future__ import annotations

from collections.abc import Sequence

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import Conflict, InvalidInput
from amlet.base.paths import relative_path
from amlet.domain.artifact import Entry
from amlet.domain.run import Run
from amlet.operations.submit import check_entries
from amlet.operations.transitions import save
from amlet.runtime.journal import read_points
from amlet.store.base import FileRecord, Transaction


def append_log(tx: Transaction, logs: LogFolder, run: Run, path: str, offset: int, data: bytes) -> int:
    """Append bytes to a log of the run; bytes that are there already change nothing.

    Returns:
        The log's size afterwards. Less than `offset` when bytes between are missing: the caller sends from there.
    """
    _check_offset(offset)
    record = tx.files.open_log(run.workspace_id, run.id, relative_path(path))
    if record.log is None or offset > record.size_bytes:
        return record.size_bytes
    fresh = data[record.size_bytes - offset :]
    if not fresh:
        return record.size_bytes
    logs.write(record.log, record.size_bytes, fresh)
    size = record.size_bytes + len(fresh)
    tx.files.put(run.workspace_id, run.id, [record._replace(size_bytes=size)])
    save(tx, run)
    return size


def drain(tx: Transaction, run: Run, journal: str, offset: int, data: bytes) -> int:
    """Store the points of journal bytes and move the drained offset with them, once.

    Returns:
        The offset up to which the journal was taken: whole lines only.
    """
    if not journal or len(journal) > 200:
        raise InvalidInput(f"{journal[:50]!r} cannot name a journal.")
    _check_offset(offset)
    taken = tx.metrics.drained(run.workspace_id, run.id, journal)
    if offset > taken:
        return taken
    parsed = read_points(data[taken - offset :])
    if not parsed.consumed:
        return taken
    tx.metrics.add(run.workspace_id, run.id, journal, taken + parsed.consumed, parsed.points)
    save(tx, run)
    return taken + parsed.consumed


def _check_offset(offset: int) -> None:
    if offset < 0:
        raise InvalidInput(f"An offset is 0 or more, got {offset}.")


def put_files(tx: Transaction, run: Run, entries: Sequence[Entry], *, replace: bool = True) -> list[str]:
    """Add finished files to the run.

    Args:
        replace: A path that is there with other content is replaced; else it is a Conflict (v1-behaviours 3.10).

    Returns:
        The blobs to send first; nothing is recorded then.
    """
    faults = check_entries([*entries])
    if faults:
        raise InvalidInput.of(faults, subject="the files of the run")
    if not replace:
        _check_new(tx, run, entries)
    missing = tx.blobs.missing([entry.sha256 for entry in entries])
    if not missing:
        files = [FileRecord(entry.path, entry.size_bytes, entry.sha256, None) for entry in entries]
        tx.files.put(run.workspace_id, run.id, files)
        save(tx, run)
    return missing


def _check_new(tx: Transaction, run: Run, entries: Sequence[Entry]) -> None:
    taken = []
    for entry in entries:
        held = tx.files.find(run.workspace_id, run.id, entry.path)
        if held is not None and held.sha256 != entry.sha256:
            taken.append(entry.path)
    if taken:
        raise Conflict(
            f"Resource Conflict: run {run.id} has files of these names already: {', '.join(taken[:10])}.",
            hint="files of a run are not overwritten: give the new one another name.",
        )
