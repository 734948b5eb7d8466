"""The ports of the records: what operations may ask of the store.

Contract, for every implementation:

* Work runs inside one transaction: all of it is kept, or nothing. `Records.write` runs work one at a time, in the
  order of the calls; `Records.read` may run beside it and sees what was committed before it began.
* A transaction belongs to the thread that runs the work and must not leave it.
* Lookups that may find nothing return None; what must be there raises NotFound.
* Errors of the database are turned into StorageFailed (disk full, read-only, damaged) or Unavailable (locked, gone).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from amlet.domain.artifact import BlobLocation, Tree
from amlet.domain.compute import ComputeTarget, Node
from amlet.domain.data import DatasetRecord, Datastore, DataUse
from amlet.domain.environment import EnvironmentBuild, EnvironmentSpec, Lock
from amlet.domain.filter import Condition, Order
from amlet.domain.gang import Gang
from amlet.domain.job import Job
from amlet.domain.metric import Point
from amlet.domain.model import Alias, Event, Model
from amlet.domain.run import RUNNING, Run
from amlet.domain.service import Placement, Revision, Service
from amlet.domain.sweep import Decision, SweepSpec, SweepState, Trial
from amlet.domain.workspace import Experiment, Workspace
from amlet.wire.runs import Chart

T = TypeVar("T")


class LeaseRecord(NamedTuple):
    """An attempt that a node holds."""

    workspace_id: str
    run_id: str
    attempt: int
    node: str
    pool: str
    expires: datetime
    node_rank: int = 0
    """Which node of its run's this is; 0 for a run with one node."""


class FileRecord(NamedTuple):
    """A file of a run: either a finished blob, or a log that may grow."""

    path: str
    size_bytes: int
    sha256: str | None
    log: int | None
    """The number of the growing log file."""
    live: bool = False
    """Seen in ./outputs while the script ran: what is there at its end takes its place."""


class RunFilter(NamedTuple):
    """Which runs; None does not restrict. The fields are those of `wire.runs.RunQuery`, parsed."""

    experiment: str | None = None
    status: str | None = None
    limit: int = 50
    before: int | None = None
    """The cursor that the page before gave: newest first a row's number, with an order a count of rows."""
    type: str | None = None
    parent_id: str | None = None
    recursive: bool = False
    """With parent_id also the children's children; without it children beside the roots (else roots alone)."""
    condition: Condition | None = None
    order: Order | None = None
    tags: Mapping[str, str | None] = {}
    """All of these; None asks for the key alone."""
    properties: Mapping[str, str | None] = {}
    trashed: bool = False


class ModelFilter(NamedTuple):
    """Which models; None does not restrict."""

    name: str | None = None
    version: int | None = None
    run_id: str | None = None
    framework: str | None = None
    latest: bool = False
    dataset_id: str | None = None


class ModelSearch(NamedTuple):
    """Which models, by the newest version of each; None does not restrict."""

    text: str | None = None
    """Words that must all occur in its name, description, framework or tags, in any case; the first twenty count."""
    framework: str | None = None
    limit: int = 50
    before: int | None = None
    """The place that the page before this one ended with."""


class DatasetFilter(NamedTuple):
    """Which registered datasets; None does not restrict."""

    name: str | None = None
    version: int | None = None
    latest: bool = False


class WorkspaceRecords(Protocol):
    def find(self, subscription_id: str, resource_group: str, name: str) -> Workspace | None: ...
    def get(self, workspace_id: str) -> Workspace:
        """Raises NotFound."""

    def add(self, workspace: Workspace) -> None: ...
    def list(self) -> list[Workspace]: ...


class ExperimentRecords(Protocol):
    def find(self, workspace_id: str, name: str) -> Experiment | None: ...
    def add(self, experiment: Experiment) -> None: ...
    def list(self, workspace_id: str) -> list[Experiment]: ...
    def save(self, experiment: Experiment) -> None:
        """Replace its tags and whether it is archived."""

    def delete(self, workspace_id: str, name: str) -> None: ...


class BlobRecords(Protocol):
    """Which blobs are there, and where their bytes lie. A row is written after its bytes are durable."""

    def missing(self, sha256: Sequence[str]) -> list[str]:
        """Those without a row, in the order asked, each once."""

    def locate(self, sha256: Sequence[str]) -> dict[str, BlobLocation]: ...
    def add(self, locations: Sequence[BlobLocation], now: datetime | None = None) -> None:
        """A blob that is there already keeps its place; `now` is when it was sent, the present by default."""

    def unreferenced(self, added_before: datetime) -> list[BlobLocation]:
        """Blobs that no file of a run and no tree of a run's snapshot, of a model or of a service refers to.

        Those added later than the moment are left out: they may just be on their way into a tree. Also removes trees
        that nobody refers to, by the same rule of age.
        """

    def forget(self, sha256: Sequence[str]) -> list[str]:
        """Remove the rows.

        Returns:
            The packs none of whose members has a row any more: their files may go.
        """


class TreeRecords(Protocol):
    def add(self, tree: Tree) -> None:
        """Adding the same tree again changes nothing."""

    def get(self, tree_id: str) -> Tree:
        """Raises NotFound."""


class EnvironmentRecords(Protocol):
    """Registered environments; versions are kept for ever."""

    def versions(self, workspace_id: str, name: str) -> list[EnvironmentSpec]:
        """Oldest first."""

    def get(self, workspace_id: str, name: str, version: str | None) -> EnvironmentSpec | None:
        """That version, or the latest."""

    def latest(self, workspace_id: str) -> list[EnvironmentSpec]:
        """One a name, by name."""

    def add(self, workspace_id: str, spec: EnvironmentSpec, now: datetime) -> None:
        """The spec carries its version."""


class EnvironmentBuildRecords(Protocol):
    """Requests to build an environment apart from runs, each with its log's number."""

    def save(self, build: EnvironmentBuild, log: int) -> None: ...
    def find(self, workspace_id: str, build_id: str) -> tuple[EnvironmentBuild, int] | None: ...
    def active(self) -> list[tuple[EnvironmentBuild, int]]:
        """Those queued or running, oldest first."""


class LockRecords(Protocol):
    def get(self, lock_id: str) -> Lock | None: ...
    def resolved(self, content_key: str, platform: str) -> Lock | None:
        """What a spec of this content resolved to before, on this platform."""

    def add(self, lock: Lock, content_key: str) -> None:
        """Also remember that this content resolves to this lock; a later one takes its place."""


class ComputeRecords(Protocol):
    def find(self, workspace_id: str, name: str) -> ComputeTarget | None: ...
    def list(self, workspace_id: str | None = None) -> list[ComputeTarget]: ...
    def save(self, target: ComputeTarget) -> None: ...
    def delete(self, workspace_id: str, name: str) -> None: ...


class DatastoreRecords(Protocol):
    def find(self, workspace_id: str, name: str) -> Datastore | None: ...
    def list(self, workspace_id: str) -> list[Datastore]:
        """By name."""

    def save(self, datastore: Datastore) -> None:
        """Make or replace."""

    def delete(self, workspace_id: str, name: str) -> None: ...


class DatasetRecords(Protocol):
    def next_version(self, workspace_id: str, name: str) -> int:
        """Never one that was given before, also after all were unregistered."""

    def find(self, workspace_id: str, dataset_id: str) -> DatasetRecord | None: ...
    def same(self, workspace_id: str, content: str, name: str | None) -> DatasetRecord | None:
        """The newest of that content and name; without a name, of those that are not registered."""

    def list(self, workspace_id: str, chosen: DatasetFilter) -> list[DatasetRecord]:
        """Registered ones, newest first."""

    def add(self, record: DatasetRecord, content: str) -> None:
        """Raises Conflict when the id is taken."""

    def save(self, record: DatasetRecord) -> None:
        """Replace all but its content."""


class DataUseRecords(Protocol):
    """What runs read and wrote; gone with the run."""

    def put(self, workspace_id: str, run_id: str, uses: Sequence[DataUse]) -> None:
        """One a direction and name: takes the place of an earlier one."""

    def of_run(self, workspace_id: str, run_id: str) -> list[DataUse]:
        """Inputs first, by name."""

    def of_dataset(self, workspace_id: str, dataset_id: str) -> list[tuple[str, DataUse]]:
        """The runs that had it by id, newest first."""


class SecretRecords(Protocol):
    """Sealed texts by a name within their workspace. Only the server's key opens them."""

    def find(self, workspace_id: str, name: str) -> str | None: ...
    def save(self, workspace_id: str, name: str, sealed: str) -> None: ...
    def names(self, workspace_id: str, beginning: str) -> list[str]:
        """Those that begin so, in order."""

    def delete(self, workspace_id: str, name: str) -> None: ...


class RunRecords(Protocol):
    def find(self, workspace_id: str, run_id: str) -> Run | None: ...
    def get(self, workspace_id: str, run_id: str) -> Run:
        """Raises NotFound."""

    def some(self, workspace_id: str, run_ids: Sequence[str]) -> list[Run]:
        """Those of these runs that are there, oldest first."""

    def submitted(self, workspace_id: str, submission_id: str) -> Run | None: ...
    def add(self, run: Run, job: Job | None, submission_id: str) -> Run:
        """Also gives it its number within the experiment. Raises Conflict when the id is taken.

        An interactive run has no job.
        """

    def save(self, run: Run) -> Run:
        """Replace the record; its revision grows by one."""

    def job(self, workspace_id: str, run_id: str) -> Job:
        """Raises NotFound."""

    def page(self, workspace_id: str, chosen: RunFilter) -> tuple[list[Run], int | None]:
        """Newest first, and the cursor of the next page."""

    def with_status(self, statuses: Sequence[str], pool: str | None = None) -> list[Run]:
        """Oldest first, over all workspaces, or of one pool."""

    def resting(self) -> list[Run]:
        """Runs that rest between two attempts, over all workspaces."""

    def children(self, workspace_id: str, run_id: str) -> list[Run]:
        """The children of a run and theirs, oldest first."""

    def trashed_before(self, moment: datetime) -> list[Run]:
        """Runs that lie in the trash since before then, over all workspaces."""

    def delete(self, workspace_id: str, run_id: str) -> list[int]:
        """Delete a run for good, with its metrics, files, journals' offsets and job.

        Returns:
            The numbers of its log files.
        """


class Turn(NamedTuple):
    """A run at the head of its pool's queue."""

    run: Run
    priority: int
    number: int
    """Runs have it in the order they were submitted in."""
    nodes: int = 1
    """How many it needs at once."""


class QueueRecords(Protocol):
    """The runs that a node could take now, pool by pool.

    By priority, the higher first; of one priority by turns between experiments; then first come.
    """

    def put(self, run: Run, priority: int, nodes: int = 1) -> None:
        """Its place is that of its submission: one that comes back does not begin at the end. Twice is once."""

    def remove(self, workspace_id: str, run_id: str) -> None:
        """One that is not in it is no error."""

    def first(self, pool: str) -> Turn | None:
        """The next one. Takes no longer when more wait."""

    def waiting(self, pool: str, limit: int) -> int:
        """How many nodes they wait for, counted up to a limit."""

    def ahead(self, workspace_id: str, pool: str, run_ids: Sequence[str]) -> dict[str, int]:
        """How many would be taken before each of these runs, if none were to end; those not in the queue left out."""


class SweepRecord(NamedTuple):
    """A sweep with what only the server needs to know. Its run, and its trials' runs, are records of their own."""

    workspace_id: str
    run_id: str
    spec: SweepSpec
    state: SweepState
    is_open: bool
    """Whether it is still to be looked after."""
    parts: int = 1
    """On `local`: into how many parts the machine is cut for its trials."""
    status: str = RUNNING
    """Of its run, as it was read; saving a sweep does not change it."""
    began: datetime | None = None
    """When its run began, the same."""


class TrialOrder(NamedTuple):
    """Trials of a sweep in an order."""

    by: str
    """`number`, `status`, `duration`, `params` or `metrics`."""
    name: str = ""
    """Of the parameter, or the metric."""
    is_min: bool = False
    """Of a metric: by its least value, else by its greatest."""
    descending: bool = False
    status: str | None = None
    """Those of this status alone."""


class TrialLook(NamedTuple):
    """A trial with what its run says of itself, and some of the metrics that it logged."""

    trial: Trial
    status: str | None
    """None: its run is gone."""
    attempt: int
    started: datetime | None
    ended: datetime | None
    logged: dict[str, MetricSummary]
    """By name, those that were asked for."""


class SweepRecords(Protocol):
    """Sweeps, what was drawn for their trials, and what their policies decided. All go with the sweep's run."""

    def find(self, workspace_id: str, run_id: str) -> SweepRecord | None: ...
    def save(self, sweep: SweepRecord) -> None:
        """Its run is there already."""

    def save_state(self, sweep: SweepRecord) -> None:
        """Of a sweep that is there: its state, and whether it is open."""

    def open(self) -> list[tuple[str, str]]:
        """The workspace and the run of those to look after, oldest first."""

    def parts(self) -> set[int]:
        """Into how many parts this machine is cut for the sweeps to look after."""

    def add_trial(self, workspace_id: str, run_id: str, trial: Trial) -> None:
        """Raises Conflict when the sweep has a trial of this number."""

    def save_trial(self, workspace_id: str, run_id: str, trial: Trial) -> None:
        """What changes of a trial: whether it is open, and what its policy made of it."""

    def trials(self, workspace_id: str, run_id: str, first: int = 0) -> list[Trial]:
        """All of them from a number on, by number."""

    def open_trials(self, workspace_id: str, run_id: str) -> list[Trial]:
        """Those to look after, by number. Takes no longer when more are over."""

    def look(
        self, workspace_id: str, run_id: str, metrics: Sequence[str], numbers: Sequence[int] | None = None
    ) -> list[TrialLook]:
        """Trials with their runs and these of their metrics, by number: those asked for, else those to look after.

        Takes no longer for the trials that are not asked for.
        """

    def page(self, workspace_id: str, run_id: str, chosen: TrialOrder, limit: int, offset: int) -> list[int]:
        """The numbers of trials in an order; those without its value come last, those alike by number."""

    def statuses(self, workspace_id: str, run_id: str) -> dict[str, int]:
        """How many trials have runs of each status."""

    def decide(self, workspace_id: str, run_id: str, decisions: Sequence[Decision]) -> None:
        """Keep decisions; one of the same trial, attempt and report stays as it is."""

    def decisions(self, workspace_id: str, run_id: str, trial: str | None, limit: int, skip: int) -> list[Decision]:
        """Of one trial or of all, oldest first: the last ones but so many that are skipped."""


class LeaseRecords(Protocol):
    def find(self, workspace_id: str, run_id: str, node_rank: int = 0) -> LeaseRecord | None: ...
    def save(self, lease: LeaseRecord) -> None:
        """One a run and node rank: takes the place of an earlier one."""

    def end(self, workspace_id: str, run_id: str) -> None:
        """All of the run's."""

    def end_rank(self, workspace_id: str, run_id: str, node_rank: int) -> None:
        """One node's."""

    def expired(self, now: datetime) -> list[LeaseRecord]: ...
    def of_node(self, node: str) -> list[LeaseRecord]: ...
    def of_pool(self, pool: str) -> list[LeaseRecord]: ...
    def all(self) -> list[LeaseRecord]: ...


class GangRecords(Protocol):
    """The nodes of attempts that are spread over several; gone with the run's leases."""

    def find(self, workspace_id: str, run_id: str) -> Gang | None: ...
    def save(self, workspace_id: str, run_id: str, gang: Gang) -> None:
        """One a run: takes the place of an earlier one."""


class FileRecords(Protocol):
    """Files of runs."""

    def list(self, workspace_id: str, run_id: str) -> list[FileRecord]:
        """By path."""

    def find(self, workspace_id: str, run_id: str, path: str) -> FileRecord | None: ...
    def put(self, workspace_id: str, run_id: str, files: Sequence[FileRecord]) -> None:
        """A path that is there is replaced."""

    def remove(self, workspace_id: str, run_id: str, paths: Sequence[str]) -> None: ...
    def open_log(self, workspace_id: str, run_id: str, path: str) -> FileRecord:
        """The growing log of that path, made with a new number and no bytes when there is none."""

    def rename(self, workspace_id: str, run_id: str, names: Mapping[str, str]) -> None:
        """Give files other paths, under which there are none."""

    def new_log(self) -> int:
        """A number for a log that belongs to no run (a service's)."""


class MetricSummary(NamedTuple):
    """What is known of a metric without reading its points."""

    name: str
    kind: str
    """Of its last point."""
    points: int
    """How many, of all kinds."""
    first: float | None
    """Of the scalars that are numbers, booleans apart; None when there is none or it is NaN."""
    last: float | None
    min: float | None
    """NaN does not count."""
    max: float | None
    last_step: int | None


class MetricRecords(Protocol):
    """Logged points. A point's identity is (journal, byte offset), kept by moving the offset with the points."""

    def drained(self, workspace_id: str, run_id: str, journal: str) -> int:
        """The byte offset up to which the journal was taken; 0 at first."""

    def add(self, workspace_id: str, run_id: str, journal: str, drained: int, points: Sequence[Point]) -> None:
        """Store points and the new offset together.

        An offset below the one that is stored belongs to points that were taken before: nothing changes.
        """

    def points(self, workspace_id: str, run_id: str, name: str | None = None) -> dict[str, list[Point]]:
        """Points by metric, oldest first, metrics in the order of their first point."""

    def stretch(self, workspace_id: str, run_id: str, name: str, start: int, count: int) -> list[Point]:
        """Points of one metric from a place on, oldest first; none beyond the last, or for a metric that is not there.

        Reads the chunks they lie in and no others.
        """

    def summaries(self, workspace_id: str, run_id: str, limit: int | None = None) -> list[MetricSummary]:
        """All metrics of a run, or the first, in the order of their first point."""

    def named(
        self, workspace_id: str, run_ids: Sequence[str], names: Sequence[str]
    ) -> dict[str, dict[str, MetricSummary]]:
        """By run and name, those of these metrics that these runs have."""

    def rename(self, workspace_id: str, run_id: str, names: Mapping[str, str]) -> None:
        """Give metrics other names, which none has."""

    def forget_journals(self, workspace_id: str, run_id: str) -> None:
        """Forget how far the run's journals were taken: none of them comes again."""

    def chart(self, workspace_id: str, run_id: str, name: str, points: int) -> Chart:
        """One scalar metric thinned out: the extremes of each part are kept; 10 million points in under 300 ms."""


class ModelRecords(Protocol):
    def next_version(self, workspace_id: str, name: str) -> int:
        """Never one that was given before, also after a delete."""

    def find(self, workspace_id: str, name: str, version: int | None) -> Model | None:
        """That version, or the latest."""

    def add(self, model: Model) -> None: ...
    def save(self, model: Model) -> None:
        """Replace what is said of a version that is there."""

    def delete(self, workspace_id: str, name: str, version: int) -> None:
        """Its aliases go with it; its history stays."""

    def aliases(self, workspace_id: str, name: str) -> list[Alias]:
        """By alias."""

    def set_alias(self, workspace_id: str, name: str, alias: str, version: int | None) -> None:
        """None takes the alias away."""

    def note(self, workspace_id: str, name: str, event: Event) -> None:
        """Add to the history."""

    def history(self, workspace_id: str, name: str) -> list[Event]:
        """Newest first."""

    def page(self, workspace_id: str, chosen: ModelSearch) -> tuple[list[Model], int | None]:
        """The newest version of each model, the newest first, and the place where the next page begins, if any."""

    def list(self, workspace_id: str, chosen: ModelFilter) -> list[Model]:
        """Newest first."""


class ServiceRecord(NamedTuple):
    """A service, or a version of an endpoint, with what only the server needs to know."""

    service: Service
    node: str | None
    """The node that holds its port, and its replicas where it is not spread over others."""
    port: int | None
    """The port asked for, or chosen and kept."""
    log: int
    """The number of its log file."""
    earlier: Revision | None = None
    """The revision that answers until the present one has answered once."""
    is_proven: bool = False
    """The present revision has answered; of an endpoint, its router answers."""
    pool: str | None = None
    """The queue of the nodes that it is spread over; None: `node` holds its processes, not only its port."""
    placements: list[Placement] = []
    """Its processes on those nodes."""
    routed: int = 0
    """The number of the lease that its router's requests go by."""
    wanted: int | None = None
    """How many processes an autoscaled one should have by its load; None: not known yet."""

    @property
    def processes(self) -> int:
        """How many there should be now over its nodes."""
        scale = self.service.deployment.autoscale
        if scale is None:
            return self.service.deployment.least_processes
        return max(scale.min_replicas, min(self.wanted or scale.min_replicas, scale.max_replicas))


class ServiceRecords(Protocol):
    """Services by name; an endpoint's versions beside it, under its name and theirs. Theirs is empty for all others."""

    def find(self, workspace_id: str, name: str, version: str = "") -> ServiceRecord | None: ...
    def list(self, workspace_id: str | None = None) -> list[ServiceRecord]:
        """By name, versions after their endpoint."""

    def of_pool(self, pool: str) -> Sequence[ServiceRecord]:
        """Those that are spread over the nodes of a pool, the first made first."""

    def save(self, record: ServiceRecord) -> ServiceRecord:
        """Make or replace; `service.changes` grows by one."""

    def delete(self, workspace_id: str, name: str, version: str = "") -> None: ...


class RequestRecords(Protocol):
    """What requests made, by an id of the client's, so that a request sent again makes nothing twice."""

    def find(self, workspace_id: str, request_id: str) -> str | None:
        """What the request made; None when it was not seen, or is long past."""

    def add(self, workspace_id: str, request_id: str, made: str, now: datetime) -> None:
        """Remember it for some days. An empty id is not remembered."""


class NodeRecords(Protocol):
    def find(self, name: str) -> Node | None: ...
    def list(self, pool: str | None = None) -> list[Node]: ...
    def save(self, node: Node) -> None: ...
    def delete(self, name: str) -> None: ...


class Transaction(Protocol):
    """All aggregates, within one transaction."""

    workspaces: WorkspaceRecords
    experiments: ExperimentRecords
    blobs: BlobRecords
    trees: TreeRecords
    environments: EnvironmentRecords
    environment_builds: EnvironmentBuildRecords
    locks: LockRecords
    computes: ComputeRecords
    datastores: DatastoreRecords
    datasets: DatasetRecords
    data_uses: DataUseRecords
    secrets: SecretRecords
    runs: RunRecords
    queue: QueueRecords
    sweeps: SweepRecords
    leases: LeaseRecords
    gangs: GangRecords
    files: FileRecords
    metrics: MetricRecords
    models: ModelRecords
    services: ServiceRecords
    requests: RequestRecords
    nodes: NodeRecords

    def touch(self, topic: str) -> None:
        """Tell those who watch the topic, after the commit; nothing when it is rolled back."""


class Records(Protocol):
    """The database. Safe to call from any thread."""

    def write(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Queue work for the one writer. What waits together is committed together; work that raises is undone alone.

        The future is resolved after the commit is durable.
        """

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run read-only work on this thread, now. Work must not write."""

    def on_commit(self, listener: Callable[[Mapping[str, None]], None]) -> None:
        """Call the listener with the touched topics after each commit, on the writer's thread. It must not block."""

    def close(self) -> None:
        """Finish what is queued, then close."""
