"""What a run brings while it goes on: log bytes, journal bytes, files."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import Conflict, FieldError, InvalidInput
from amlet.base.paths import relative_path
from amlet.domain.artifact import Entry
from amlet.domain.run import Run
from amlet.operations.submit import check_entries
from amlet.operations.transitions import SWEEPS, save
from amlet.runtime.journal import ParsedJournal, read_points
from amlet.store.base import FileRecord, Transaction
from amlet.wire.nodes import OUTPUTS, LastBytes, LiveAnswer, LiveOutputs, SettleAttempt


def append_log(tx: Transaction, logs: LogFolder, run: Run, path: str, offset: int | None, data: bytes) -> int:
    """Append bytes to a log of the run; bytes that are there already change nothing.

    Args:
        offset: Where the bytes belong; None is the log's end.

    Returns:
        The log's size afterwards. Less than `offset` when bytes between are missing: the caller sends from there.
    """
    before, after = append_bytes(tx, logs, run, path, offset, data)
    if after != before:
        save(tx, run)
    return after


def is_behind(tx: Transaction, logs: LogFolder, run: Run, asked: SettleAttempt) -> bool:
    """Take the last bytes of logs and journals, which come with the end; their run is saved with that.

    Returns:
        Whether bytes before these are missing: they come by themselves then. What was taken here stays.
    """
    behind = False
    for last in asked.logs:
        data = _decoded(last)
        behind |= append_bytes(tx, logs, run, last.name, last.offset, data)[1] < last.offset + len(data)
    for last in asked.journals:  # a line that was not finished is no line
        behind |= _drain(tx, run, last.name, last.offset, _decoded(last))[1] < last.offset
    return behind


def append_bytes(
    tx: Transaction, logs: LogFolder, run: Run, path: str, offset: int | None, data: bytes
) -> tuple[int, int]:
    """The same without telling the run's watchers, for who saves the run himself: the log's size before and after."""
    if offset is not None:
        _check_offset(offset)
    record = tx.files.open_log(run.workspace_id, run.id, relative_path(path))
    held = record.size_bytes
    fresh = data if offset is None else data[held - offset :] if offset <= held else b""
    if record.log is None or not fresh:
        return held, held
    logs.write(record.log, held, fresh)
    tx.files.put(run.workspace_id, run.id, [record._replace(size_bytes=held + len(fresh))])
    return held, held + len(fresh)


def _decoded(last: LastBytes) -> bytes:
    try:
        return base64.b64decode(last.base64, validate=True)
    except ValueError as error:
        raise InvalidInput(f"The last bytes of {last.name[:100]!r} are not base64: {error}.") from error


def drain(
    tx: Transaction, run: Run, journal: str, offset: int, data: bytes, parsed: ParsedJournal | None = None
) -> int:
    """Store the points of journal bytes and move the drained offset with them, once.

    Args:
        parsed: What all of the data holds, where it was read before: the one writer then has less to do.

    Returns:
        The offset up to which the journal was taken: whole lines only.
    """
    before, after = _drain(tx, run, journal, offset, data, parsed)
    if after != before:
        save(tx, run)
    return after


def _drain(
    tx: Transaction, run: Run, journal: str, offset: int, data: bytes, parsed: ParsedJournal | None = None
) -> tuple[int, int]:
    """Up to where the journal was taken, before and after."""
    if not journal or len(journal) > 200:
        raise InvalidInput(f"{journal[:50]!r} cannot name a journal.")
    _check_offset(offset)
    taken = tx.metrics.drained(run.workspace_id, run.id, journal)
    if offset > taken:
        return taken, taken
    if parsed is None or taken > offset:
        parsed = read_points(data[taken - offset :])
    if not parsed.consumed:
        return taken, taken
    tx.metrics.add(run.workspace_id, run.id, journal, taken + parsed.consumed, parsed.points)
    if run.parent_id is not None:
        tx.touch(SWEEPS)
    return taken, taken + parsed.consumed


def _check_offset(offset: int) -> None:
    if offset < 0:
        raise InvalidInput(f"An offset is 0 or more, got {offset}.")


def put_files(
    tx: Transaction, run: Run, entries: Sequence[Entry], *, replace: bool = True, live: bool = False
) -> list[str]:
    """Add files to the run.

    Args:
        replace: A path that is there with other content is replaced; else it is a Conflict (v1-behaviours 3.10).
        live: They are ./outputs of a script that goes on: its end decides.

    Returns:
        The blobs to send first; nothing is recorded then.
    """
    _check(entries)
    if not replace:
        _check_new(tx, run, entries)
    missing = _put_files(tx, run, entries, live=live)
    if not missing:
        save(tx, run)
    return missing


def _check(entries: Sequence[Entry]) -> None:
    faults = check_entries([*entries])
    if faults:
        raise InvalidInput.of(faults, subject="the files of the run")


def _put_files(tx: Transaction, run: Run, entries: Sequence[Entry], *, live: bool = False) -> list[str]:
    missing = tx.blobs.missing([entry.sha256 for entry in entries])
    if not missing:
        files = [FileRecord(entry.path, entry.size_bytes, entry.sha256, None, live) for entry in entries]
        if live:  # what was uploaded by name stays, whatever becomes of ./outputs
            files = [file for file in files if tx.files.find(run.workspace_id, run.id, file.path) != _settled(file)]
        tx.files.put(run.workspace_id, run.id, files)
    return missing


def put_live(tx: Transaction, run: Run, seen: LiveOutputs) -> LiveAnswer:
    """Take note of ./outputs while the script runs.

    What the user uploaded under such a name stays. What the script handed in by itself stays until the node knows of
    it: the node may have looked before that.
    """
    faults = check_entries(seen.entries)
    faults += [
        FieldError(f"entries[{number}].path", f"is not below {OUTPUTS}")
        for number, entry in enumerate(seen.entries)
        if not entry.path.startswith(OUTPUTS)
    ]
    if faults:
        raise InvalidInput.of(faults, subject="the outputs of the run")
    fresh: list[Entry] = []
    others: dict[str, str] = {}
    for entry in seen.entries:
        held = tx.files.find(run.workspace_id, run.id, entry.path)
        if held is None or (held.live and held.sha256 == seen.known.get(entry.path) != entry.sha256):
            fresh.append(entry)
        elif held.live and held.sha256 is not None and held.sha256 != entry.sha256:
            others[entry.path] = held.sha256
    missing = tx.blobs.missing([entry.sha256 for entry in fresh])
    if missing:
        return LiveAnswer(missing)
    gone = []
    for path in seen.gone:
        held = tx.files.find(run.workspace_id, run.id, path)
        if held is not None and held.live and held.sha256 == seen.known.get(path):
            gone.append(path)
    if fresh or gone:
        files = [FileRecord(entry.path, entry.size_bytes, entry.sha256, None, live=True) for entry in fresh]
        tx.files.remove(run.workspace_id, run.id, gone)
        tx.files.put(run.workspace_id, run.id, files)
        save(tx, run)
    return LiveAnswer([], others)


def settle_files(tx: Transaction, run: Run, entries: Sequence[Entry], *, collected: bool) -> list[str]:
    """Record what ./outputs and ./logs hold at the script's end. Their run is saved with that.

    Args:
        collected: Whether that is all; it takes the place of what was seen while the script ran then.

    Returns:
        The blobs to send first; nothing is recorded then.
    """
    _check(entries)
    missing = _put_files(tx, run, entries)
    if collected and not missing:
        kept = {entry.path for entry in entries}
        files = tx.files.list(run.workspace_id, run.id)
        tx.files.remove(run.workspace_id, run.id, [file.path for file in files if file.live and file.path not in kept])
    return missing


def _settled(file: FileRecord) -> FileRecord:
    return file._replace(live=False)


def _check_new(tx: Transaction, run: Run, entries: Sequence[Entry]) -> None:
    taken = []
    for entry in entries:
        held = tx.files.find(run.workspace_id, run.id, entry.path)
        if held is not None and held.sha256 != entry.sha256 and (run.is_over or not held.live):
            taken.append(entry.path)
    if taken:
        raise Conflict(
            f"Resource Conflict: run {run.id} has files of these names already: {', '.join(taken[:10])}.",
            hint="files of a run are not overwritten: give the new one another name.",
        )
