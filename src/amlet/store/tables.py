"""The schema as it is now. A change here comes with a migration; a test holds the two together."""

from __future__ import annotations

from typing import Any, Optional

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from amlet.domain.compute import RemoteMachine
from amlet.domain.data import DataPath
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.gang import Gang
from amlet.domain.job import Job, Share
from amlet.domain.model import DatasetUse, Resources
from amlet.domain.run import PastAttempt, RunError, RunWarning, Stage
from amlet.domain.service import Placement, Revision
from amlet.domain.sweep import SweepSpec, SweepState
from amlet.store.columns import AnyText, Json, Moment, PackedJson, RowId

metadata = MetaData()

TAGS = dict[str, Optional[str]]  # noqa: UP045 - the codec reads Optional, as Python 3.8 spells it
TEXTS = dict[str, str]
DETAILS = dict[str, Any]


def _key(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, primary_key=True)


def _must(name: str, kind: Any, *rules: Any) -> Column[Any]:
    return Column(name, kind, *rules, nullable=False)


def _may(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _of_workspace(*, primary_key: bool = False) -> Column[Any]:
    return Column("workspace_id", Text, ForeignKey("workspaces.id"), primary_key=primary_key, nullable=False)


def _of_run(*, primary_key: bool = False) -> Column[Any]:
    rule = ForeignKey("runs.seq", ondelete="CASCADE")
    return Column("run", BigInteger, rule, primary_key=primary_key, nullable=False, autoincrement=False)


counters = Table(
    "counters",
    metadata,
    _key("name", Text),
    _must("value", BigInteger),
)
"""The last number given of each kind. It outlives what the numbers were given to, so that none is given twice."""

workspaces = Table(
    "workspaces",
    metadata,
    _key("id", Text),
    _must("subscription_id", Text),
    _must("resource_group", Text),
    _must("name", Text),
    _must("location", Text),
    _must("tags", Json(TEXTS)),
    _must("created", Moment),
    UniqueConstraint("subscription_id", "resource_group", "name"),
)

experiments = Table(
    "experiments",
    metadata,
    _key("id", Text),
    _of_workspace(),
    _must("name", Text),
    _must("created", Moment),
    _must("tags", Json(TAGS)),
    _may("archived", Moment),
    UniqueConstraint("workspace_id", "name"),
)

blobs = Table(
    "blobs",
    metadata,
    _key("sha256", Text),
    _must("size_bytes", BigInteger),
    _may("pack", Text),
    _must("offset", BigInteger),
    _must("added", Moment),
    Index("blobs_pack", "pack"),
)

trees = Table(
    "trees",
    metadata,
    _key("id", Text),
    _must("entries", LargeBinary),
    _must("added", Moment),
)

environments = Table(
    "environments",
    metadata,
    _key("seq", RowId),
    _of_workspace(),
    _must("name", Text),
    _must("version", Text),
    _must("spec", Json(EnvironmentSpec)),
    _must("created", Moment),
    UniqueConstraint("workspace_id", "name", "version"),
)

environment_builds = Table(
    "environment_builds",
    metadata,
    _of_workspace(primary_key=True),
    _key("id", Text),
    _must("spec", Json(EnvironmentSpec)),
    _must("anew", Boolean),
    _must("offline", Boolean),
    _must("status", Text),
    _may("error", Text),
    _may("lock_id", Text),
    _must("requested", Moment),
    _may("ended", Moment),
    _must("log", BigInteger),
    Index("environment_builds_status", "status"),
)

locks = Table(
    "locks",
    metadata,
    _key("id", Text),
    _must("lock", PackedJson(Lock)),
)

resolutions = Table(
    "resolutions",
    metadata,
    _key("content_key", Text),
    _key("platform", Text),
    _must("lock_id", Text, ForeignKey("locks.id")),
    _may("as_of", Text),
    _must("notes", Json(list[str])),
)
"""What a spec's content resolved to. Two specs may come to one lock by different ways, which these notes tell."""

computes = Table(
    "computes",
    metadata,
    _of_workspace(primary_key=True),
    _key("name", Text),
    _must("kind", Text),
    _must("vm_size", Text),
    _must("vm_priority", Text),
    _must("min_nodes", BigInteger),
    _must("max_nodes", BigInteger),
    _must("idle_s", BigInteger),
    _may("description", Text),
    _must("tags", Json(TEXTS)),
    _must("location", Text),
    _must("created", Moment),
    _must("modified", Moment),
    _must("engine", Text),
    _must("is_stopped", Boolean),
    _may("remote", Json(RemoteMachine)),
    _must("details", Json(DETAILS)),
)

secrets = Table(
    "secrets",
    metadata,
    _of_workspace(primary_key=True),
    _key("name", Text),
    _must("sealed", Text),
)
"""What only the server's key opens."""

datastores = Table(
    "datastores",
    metadata,
    _of_workspace(primary_key=True),
    _key("name", Text),
    _must("kind", Text),
    _must("settings", Json(TEXTS)),
    _must("credential_type", Text),
    _must("created", Moment),
    _must("is_default", Boolean),
)

datasets = Table(
    "datasets",
    metadata,
    _key("seq", RowId),
    _of_workspace(),
    _must("id", Text),
    _must("kind", Text),
    _must("sources", Json(list[DataPath])),
    _must("definition", Json(DETAILS)),
    _must("created", Moment),
    _must("modified", Moment),
    _may("name", Text),
    _may("version", BigInteger),
    _may("description", Text),
    _must("tags", Json(TEXTS)),
    _must("content", Text),
    UniqueConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "name", "version"),
    Index("datasets_content", "workspace_id", "content"),
)
"""One that was not registered has no name. Equal definitions have equal contents."""

requests = Table(
    "requests",
    metadata,
    _of_workspace(primary_key=True),
    _key("request_id", Text),
    _must("made", Text),
    _must("created", Moment),
)

nodes = Table(
    "nodes",
    metadata,
    _key("name", Text),
    _must("pool", Text),
    _must("share", Json(Share)),
    _must("started", Moment),
    _may("idle_since", Moment),
    _may("seen", Moment),
    _must("leaving", Boolean),
    _may("trouble", Text),
    Index("nodes_pool", "pool"),
)

runs = Table(
    "runs",
    metadata,
    _key("seq", RowId),
    _of_workspace(),
    _must("id", Text),
    _must("experiment", Text),
    _must("number", BigInteger),
    _may("type", Text),
    _must("status", Text),
    _must("display_name", Text),
    _must("target", Text),
    _must("attempt", BigInteger),
    _must("tags", Json(TAGS)),
    _must("properties", Json(TEXTS)),
    _must("stages", Json(list[Stage])),
    _must("warnings", Json(list[RunWarning])),
    _may("error", Json(RunError)),
    _may("waiting_for", Text),
    _may("lock_id", Text),
    _must("created", Moment),
    _may("started", Moment),
    _may("ended", Moment),
    _must("revision", BigInteger),
    _may("name", Text),
    _may("description", Text),
    _may("parent_id", Text),
    _must("parameters", Json(TEXTS)),
    _may("trashed", Moment),
    _must("past", Json(list[PastAttempt])),
    _may("again_at", Moment),
    _must("parts", BigInteger),
    _must("pool", Text),
    _may("submission_id", Text),
    UniqueConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "submission_id"),
    # These end with what every page asks of a run, so that only the rows of the page itself are read.
    Index("runs_page", "workspace_id", "seq", "parent_id", "trashed"),
    Index("runs_experiment", "workspace_id", "experiment", "seq", "parent_id", "trashed"),
    Index("runs_workspace_status", "workspace_id", "status", "seq", "parent_id", "trashed"),
    Index("runs_parent", "workspace_id", "parent_id", "seq", "trashed"),
    Index("runs_started", "workspace_id", "started", "seq", "parent_id", "trashed"),
    Index("runs_status", "status", "seq"),
    Index("runs_pool_status", "pool", "status", "seq"),
    Index("runs_trashed", "trashed"),
    Index("runs_again_at", "again_at"),
)

run_labels = Table(
    "run_labels",
    metadata,
    _of_run(),
    _must("kind", BigInteger),
    _must("name", Text),
    _may("value", Text),
    _may("whole", Text),
    _may("number", Double),
    UniqueConstraint("run", "kind", "name"),
    Index("run_labels_value", "kind", "name", "value", "run"),
    Index("run_labels_number", "kind", "name", "number", "run"),
)
"""Tags, properties and parameters once more, for filters: see `labels.py`. What a run has is in its own row."""

jobs = Table(
    "jobs",
    metadata,
    _of_run(primary_key=True),
    _must("snapshot_id", Text),
    _must("job", Json(Job)),
    Index("jobs_snapshot", "snapshot_id"),
)
"""Apart from the runs, whose rows change often and are read in pages."""

queue = Table(
    "queue",
    metadata,
    _of_run(primary_key=True),
    _must("pool", Text),
    _must("priority", BigInteger),
    _must("lane", Text),
    _must("nodes", BigInteger),
    Index("queue_order", "pool", "priority", "lane", "run"),
)
"""The runs that a node could take now. A lane is an experiment of a workspace: lanes have their turns."""

leases = Table(
    "leases",
    metadata,
    _key("workspace_id", Text),
    _key("run_id", Text),
    _must("attempt", BigInteger),
    _must("node", Text),
    _must("pool", Text),
    _must("expires", Moment),
    _key("node_rank", BigInteger),
    ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
    Index("leases_node", "node"),
    Index("leases_pool", "pool"),
    Index("leases_expires", "expires"),
)
gangs = Table(
    "gangs",
    metadata,
    _key("workspace_id", Text),
    _key("run_id", Text),
    _must("gang", Json(Gang)),
    ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
)

run_files = Table(
    "run_files",
    metadata,
    _of_run(primary_key=True),
    _key("path", Text),
    _must("size_bytes", BigInteger),
    _may("sha256", Text),
    _may("log", BigInteger),
    _must("live", Boolean),
    Index("run_files_sha256", "sha256"),
)

run_data = Table(
    "run_data",
    metadata,
    _of_run(primary_key=True),
    _key("direction", Text),
    _key("name", Text),
    _must("mode", Text),
    _must("sources", Json(list[DataPath])),
    _may("dataset_id", Text),
    _may("dataset_name", Text),
    _may("dataset_version", BigInteger),
    _may("path_on_compute", Text),
    Index("run_data_dataset", "dataset_id"),
)
"""What runs read and wrote beside their own files."""

journals = Table(
    "journals",
    metadata,
    _of_run(primary_key=True),
    _key("journal", Text),
    _must("drained", BigInteger),
)

metrics = Table(
    "metrics",
    metadata,
    _key("seq", RowId),
    _of_run(),
    _must("name", AnyText),
    _must("kind", Text),
    _must("points", BigInteger),
    _may("first", Double),
    _may("last", Double),
    _may("min", Double),
    _may("max", Double),
    _may("last_step", BigInteger),
    UniqueConstraint("run", "name"),
    Index("metrics_last", "name", "last", "run"),
)
"""One summary a (run, name). Of scalars that are numbers; NaN is null, since databases differ over it."""

metric_chunks = Table(
    "metric_chunks",
    metadata,
    Column(
        "metric",
        BigInteger,
        ForeignKey("metrics.seq", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _must("points", LargeBinary),
    _may("extremes", LargeBinary),
)
"""The points of a metric, `chunks.CHUNK_POINTS` a row, all rows full but the last; full ones have their extremes."""

sweeps = Table(
    "sweeps",
    metadata,
    _of_run(primary_key=True),
    _must("spec", Json(SweepSpec)),
    _must("state", Json(SweepState)),
    _must("is_open", Boolean),
    _must("parts", BigInteger),
    Index("sweeps_open", "is_open", "run"),
)
"""One row a sweep, beside its run. `is_open` is what the sweeper looks for."""

trials = Table(
    "trials",
    metadata,
    Column("sweep", BigInteger, ForeignKey("sweeps.run", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _must("run_id", Text),
    _must("parameters", Json(DETAILS)),
    _may("resumed", Text),
    _must("is_open", Boolean),
    _must("judged", BigInteger),
    _must("attempt", BigInteger),
    _may("stopped_by", Text),
    Index("trials_open", "sweep", "is_open", "number"),
)
"""What was drawn for each trial. `judged` counts the reports of the attempt that the sweep's policy has ruled on."""

decisions = Table(
    "decisions",
    metadata,
    Column("sweep", BigInteger, ForeignKey("sweeps.run", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    _key("run_id", Text),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("report", BigInteger, primary_key=True, autoincrement=False),
    _may("value", Double),
    _may("bound", Double),
    _must("ends", Boolean),
    _must("why", Text),
    _must("when", Moment),
)

models = Table(
    "models",
    metadata,
    _key("seq", RowId),
    _of_workspace(),
    _must("name", Text),
    _must("version", BigInteger),
    _must("tree_id", Text),
    _may("framework", Text),
    _may("framework_version", Text),
    _may("run_id", Text),
    _may("experiment", Text),
    _may("lock_id", Text),
    _may("description", Text),
    _must("tags", Json(TAGS)),
    _must("properties", Json(TEXTS)),
    _may("resources", Json(Resources)),
    _must("size_bytes", BigInteger),
    _must("created", Moment),
    _must("created_by", Text),
    _may("snapshot_id", Text),
    _may("parent_id", Text),
    _must("datasets", Json(list[DatasetUse])),
    _may("sample_input", Text),
    _may("sample_output", Text),
    _may("stage", Text),
    UniqueConstraint("workspace_id", "name", "version"),
    Index("models_run", "workspace_id", "run_id"),
    Index("models_tree", "tree_id"),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    _of_workspace(primary_key=True),
    _key("name", Text),
    _key("alias", Text),
    _must("version", BigInteger),
)

model_events = Table(
    "model_events",
    metadata,
    _key("seq", RowId),
    _of_workspace(),
    _must("name", Text),
    _must("when", Moment),
    _must("what", Text),
    _may("version", BigInteger),
    _must("detail", Text),
    _must("by", Text),
    _may("why", Text),
    _may("before", BigInteger),
    Index("model_events_name", "workspace_id", "name", "seq"),
)
"""Only ever added to."""

services = Table(
    "services",
    metadata,
    _of_workspace(primary_key=True),
    _key("name", Text),
    _key("version", Text),
    _must("state", Text),
    _must("deployment", Json(Deployment)),
    _must("revision", BigInteger),
    _may("lock_id", Text),
    _may("address", Text),
    _must("step", Text),
    _may("error", Text),
    _may("description", Text),
    _must("tags", Json(TAGS)),
    _must("properties", Json(TEXTS)),
    _must("created", Moment),
    _must("updated", Moment),
    _must("changes", BigInteger),
    _must("traffic", BigInteger),
    _must("is_default", Boolean),
    _must("is_control", Boolean),
    _must("processes", BigInteger),
    _may("node", Text),
    _may("port", BigInteger),
    _must("log", BigInteger),
    _may("earlier", Json(Revision)),
    _must("is_proven", Boolean),
    _may("pool", Text),
    _must("placements", Json(list[Placement])),
    _must("routed", BigInteger),
    _may("wanted", BigInteger),
)

service_sources = Table(
    "service_sources",
    metadata,
    _of_workspace(primary_key=True),
    _key("name", Text),
    _key("version", Text),
    _key("tree_id", Text),
)
"""The folders of entry scripts that services hold, so that their files stay."""
