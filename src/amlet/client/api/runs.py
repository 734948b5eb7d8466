"""Runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.domain.artifact import Tree
from amlet.domain.run import Run
from amlet.wire import routes
from amlet.wire.data import ReadDataset
from amlet.wire.files import DrainQuery, FileQuery, PutTree, SizeAnswer, TreeAnswer
from amlet.wire.runs import (
    Chart,
    ChartQuery,
    EndQuery,
    EndRun,
    MetricQuery,
    Metrics,
    PutFiles,
    RunChanges,
    RunDetails,
    RunPage,
    RunQuery,
    Runs,
    StartRuns,
    SubmitAnswer,
    SubmitRun,
    TrashAnswer,
    TrashQuery,
    UpdateRun,
    WatchQuery,
)
from amlet.wire.server import Done

if TYPE_CHECKING:
    from amlet.client.pool import Data

_NEWEST = RunQuery()
_AT_ONCE = WatchQuery()
_NOW = EndQuery()
_ALL = MetricQuery()
_OLD = TrashQuery()


class RunsApi(Noun):
    def submit(self, workspace_id: str, body: SubmitRun) -> SubmitAnswer:
        """Submit a job."""
        return self._call(SubmitAnswer, routes.RUN_SUBMIT, workspace_id, body=body)

    def list(self, workspace_id: str, query: RunQuery = _NEWEST) -> RunPage:
        """Runs, newest first."""
        return self._call(RunPage, routes.RUN_LIST, workspace_id, query=query)

    def start(self, workspace_id: str, body: StartRuns) -> Runs:
        """Start runs whose process is there already."""
        return self._call(Runs, routes.RUN_START, workspace_id, body=body)

    def end(self, workspace_id: str, run_id: str, body: EndRun) -> Run:
        """End a run that no node executes."""
        return self._call(Run, routes.RUN_END, workspace_id, run_id, body=body)

    def update(self, workspace_id: str, run_id: str, body: UpdateRun) -> Run:
        """Change names, tags and properties."""
        return self._call(Run, routes.RUN_UPDATE, workspace_id, run_id, body=body)

    def trash(self, workspace_id: str, run_id: str) -> Run:
        """Put a run that is over into the trash."""
        return self._call(Run, routes.RUN_TRASH, workspace_id, run_id)

    def restore(self, workspace_id: str, run_id: str) -> Run:
        """Take a run out of the trash."""
        return self._call(Run, routes.RUN_RESTORE, workspace_id, run_id)

    def empty_trash(self, query: TrashQuery = _OLD) -> TrashAnswer:
        """Empty the trash and free blobs that nobody refers to."""
        return self._call(TrashAnswer, routes.TRASH_EMPTY, query=query)

    def chart(self, workspace_id: str, run_id: str, query: ChartQuery) -> Chart:
        """One metric, thinned out for drawing."""
        return self._call(Chart, routes.RUN_CHART, workspace_id, run_id, query=query)

    def snapshot(self, workspace_id: str, run_id: str) -> Tree:
        """The files that were submitted."""
        return self._call(Tree, routes.RUN_SNAPSHOT, workspace_id, run_id)

    def put_snapshot(self, workspace_id: str, run_id: str, body: PutTree) -> TreeAnswer:
        """Record the sources of an interactive run, once."""
        return self._call(TreeAnswer, routes.RUN_PUT_SNAPSHOT, workspace_id, run_id, body=body)

    def get(
        self, workspace_id: str, run_id: str, query: EndQuery = _NOW, *, patience_s: Optional[float] = None
    ) -> RunDetails:
        """All of a run but its bytes, once it is over or the time is."""
        return self._call(RunDetails, routes.RUN_GET, workspace_id, run_id, query=query, patience_s=patience_s)

    def watch(
        self, workspace_id: str, run_id: str, query: WatchQuery = _AT_ONCE, *, patience_s: Optional[float] = None
    ) -> RunChanges:
        """Wait for a change of the run, its files or its logs."""
        return self._call(RunChanges, routes.RUN_WATCH, workspace_id, run_id, query=query, patience_s=patience_s)

    def cancel(self, workspace_id: str, run_id: str) -> Run:
        """End a run."""
        return self._call(Run, routes.RUN_CANCEL, workspace_id, run_id)

    def metrics(self, workspace_id: str, run_id: str, query: MetricQuery = _ALL) -> Metrics:
        """What it logged."""
        return self._call(Metrics, routes.RUN_METRICS, workspace_id, run_id, query=query)

    def file(self, workspace_id: str, run_id: str, query: FileQuery) -> Body:
        """The bytes of one file, from an offset."""
        return self._call(Body, routes.RUN_FILE, workspace_id, run_id, query=query)

    def put_files(self, workspace_id: str, run_id: str, body: PutFiles) -> TreeAnswer:
        """Add files whose blobs were sent."""
        return self._call(TreeAnswer, routes.RUN_PUT_FILES, workspace_id, run_id, body=body)

    def read_dataset(self, workspace_id: str, run_id: str, body: ReadDataset) -> Done:
        """Note that a run reads a registered dataset."""
        return self._call(Done, routes.RUN_READ_DATASET, workspace_id, run_id, body=body)

    def drain(
        self, workspace_id: str, run_id: str, data: Data, size_bytes: Optional[int], query: DrainQuery
    ) -> SizeAnswer:
        """Bring bytes of a journal."""
        return self._call(
            SizeAnswer, routes.RUN_DRAIN, workspace_id, run_id, data=data, size_bytes=size_bytes, query=query
        )
