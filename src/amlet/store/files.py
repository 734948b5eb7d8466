"""Files of runs: finished blobs and growing logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select

from amlet.store.base import FileRecord
from amlet.store.runs import Runs
from amlet.store.tables import run_files, runs
from amlet.store.upserts import next_number, put

_FILES = (
    select(*(run_files.c[name] for name in FileRecord._fields))
    .join(runs, runs.c.seq == run_files.c.run)
    .where(runs.c.workspace_id == bindparam("workspace_id"), runs.c.id == bindparam("run_id"))
)
_FILE = _FILES.where(run_files.c.path == bindparam("path"))
_RENAME = (
    run_files.update()
    .where(run_files.c.run == bindparam("its_run"), run_files.c.path == bindparam("before"))
    .values(path=bindparam("after"))
)

_REMOVE = run_files.delete().where(run_files.c.run == bindparam("its_run"), run_files.c.path == bindparam("its_path"))


class Files:
    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs

    def find(self, workspace_id: str, run_id: str, path: str) -> FileRecord | None:
        row = self._connection.execute(_FILE, {"workspace_id": workspace_id, "run_id": run_id, "path": path}).first()
        return FileRecord._make(row) if row else None

    def put(self, workspace_id: str, run_id: str, files: Sequence[FileRecord]) -> None:
        run = self._runs.seq_of(workspace_id, run_id)
        put(self._connection, run_files, [{"run": run, **file._asdict()} for file in files])

    def remove(self, workspace_id: str, run_id: str, paths: Sequence[str]) -> None:
        run = self._runs.seq_of(workspace_id, run_id)
        if paths:
            self._connection.execute(_REMOVE, [{"its_run": run, "its_path": path} for path in paths])

    def open_log(self, workspace_id: str, run_id: str, path: str) -> FileRecord:
        held = self.find(workspace_id, run_id, path)
        if held is not None and held.log is not None:
            return held
        made = FileRecord(path, 0, None, self.new_log())
        self.put(workspace_id, run_id, [made])
        return made

    def rename(self, workspace_id: str, run_id: str, names: Mapping[str, str]) -> None:
        run = self._runs.seq_of(workspace_id, run_id)
        if names:
            rows = [{"its_run": run, "before": before, "after": after} for before, after in names.items()]
            self._connection.execute(_RENAME, rows)

    def new_log(self) -> int:
        return next_number(self._connection, "logs")

    def list(self, workspace_id: str, run_id: str) -> list[FileRecord]:
        rows = self._connection.execute(_FILES, {"workspace_id": workspace_id, "run_id": run_id})
        return sorted((FileRecord._make(row) for row in rows), key=lambda file: file.path)
