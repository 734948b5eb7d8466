"""What the parts of `Run` share: who it is, the record as it was last read, and the few ways to its server.

A run without a server overrides the methods below "The ways to the server", and nothing else.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from amlet.sdk.exceptions import as_v1
from amlet.sdk.notice import warn

if TYPE_CHECKING:
    from amlet.client.body import Body
    from amlet.domain import run as records
    from amlet.sdk.connection import Connection
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.interactive import Own
    from amlet.sdk.local_files import LocalFiles
    from amlet.sdk.recording import Recorder
    from amlet.sdk.run import Run
    from amlet.wire.runs import RunDetails, UpdateRun

PAGE = 100
"""Runs asked for at a time."""


class RunBase:
    """One execution of an experiment."""

    _experiment: Experiment
    _run_id: str
    _record: Optional[records.Run] = None
    _recorder: Optional[Recorder] = None
    """What this process logs through; None until it logs."""

    @property
    def experiment(self) -> Experiment:
        """The experiment it belongs to."""
        return self._experiment

    @property
    def id(self) -> str:
        """The id."""
        return self._run_id

    @property
    def _connection(self) -> Connection:
        return self.experiment.workspace._connection

    @property
    def _known(self) -> records.Run:
        """The record as it was last read."""
        if self._record is None:
            self._load()
        assert self._record is not None
        return self._record

    @property
    def _own(self) -> Optional[Own]:
        """What ends the run, where this process is the run; any object of it will do."""
        import sys

        recorder = self._recorder
        if recorder is None:
            recording = sys.modules.get("amlet.sdk.recording")
            if recording is None:  # nothing was ever logged here
                return None
            recorder = recording.known(self._connection.workspace_id, self._run_id)
        return recorder.own if recorder is not None and recorder.pid == os.getpid() else None

    # The ways to the server.

    def _load(self) -> RunDetails:
        held = self._connection
        with as_v1():
            found: RunDetails = held.client.runs.get(held.workspace_id, self._run_id)
        self._record = found.run
        return found

    def _change(self, asked: UpdateRun) -> None:
        """Change what is said of the run."""
        held = self._connection
        with as_v1():
            self._record = held.client.runs.update(held.workspace_id, self._run_id, asked)

    def _put(self, files: LocalFiles, *, replace: bool = False, one_at_a_time: bool = False) -> None:
        """Add files to the run: those whose bytes the server lacks are sent.

        Args:
            one_at_a_time: Start no threads, which an interpreter that ends cannot.
        """
        from amlet.client.uploads import submit_with_blobs
        from amlet.sdk.progress import Progress
        from amlet.wire.runs import PutFiles

        held = self._connection
        entries = files.entries
        for part in [[entry] for entry in entries] if one_at_a_time else [entries] if entries else []:
            asked = PutFiles(part, replace)
            with as_v1(), Progress("sending") as progress:
                submit_with_blobs(
                    lambda asked=asked: held.client.runs.put_files(held.workspace_id, self._run_id, asked),  # type: ignore[misc]
                    held.client,
                    held.workspace_id,
                    files.sources,
                    progress,
                )

    def _open_file(self, name: str, offset: int = 0) -> Body:
        """The bytes of a file of the run."""
        from amlet.wire.files import FileQuery

        held = self._connection
        body: Body = held.client.runs.file(held.workspace_id, self._run_id, FileQuery(name, offset))
        return body

    def _read_metrics(self, name: Optional[str]) -> Dict[str, Any]:
        """What the server has of this run's metrics, in v1's shapes."""
        from amlet.wire.runs import MetricQuery

        held = self._connection
        with as_v1():
            found = held.client.runs.metrics(held.workspace_id, self._run_id, MetricQuery(name))
        for fault in found.faults.values():
            warn(fault)
        return dict(found.values)

    def _bring_metrics(self) -> None:
        """Bring what this process logged, to this run and to others."""
        import sys

        recording = sys.modules.get("amlet.sdk.recording")
        if recording is not None:  # else nothing was ever logged here
            with as_v1():
                recording.bring_all(self._connection.workspace_id)

    def _find_children(self, *, recursive: bool, **chosen: Any) -> Iterator[records.Run]:
        """The records of the run's children, newest first, page by page."""
        from amlet.wire.runs import RunQuery

        yield from pages(self._connection, RunQuery(parent_id=self._run_id, recursive=recursive, limit=PAGE, **chosen))

    def _other(self, record: records.Run) -> Run:
        """Another run of the same workspace."""
        from amlet.sdk.run import Run

        return Run._of_record(self.experiment.workspace, record, like=self.experiment)


def pages(held: Connection, query: Any) -> Iterator[records.Run]:
    """All runs that a query describes, fetched page by page."""
    while True:
        with as_v1():
            page = held.client.runs.list(held.workspace_id, query)
        found: List[records.Run] = page.runs
        yield from found
        if page.next is None:
            return
        query = query._replace(before=page.next)
