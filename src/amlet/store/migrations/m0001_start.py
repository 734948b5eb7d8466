"""Schema 1: everything. Frozen: it says what the first release made, whatever the tables are now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

_metadata = MetaData()


def apply(connection: Connection) -> None:
    """Make all tables in an empty database."""
    _metadata.create_all(connection, checkfirst=False)


def _table(name: str, *parts: Any) -> None:
    Table(name, _metadata, *parts)


def _text(*names: str, nullable: bool = False, key: bool = False) -> list[Column[Any]]:
    return [Column(name, Text, nullable=nullable, primary_key=key) for name in names]


def _number(*names: str, nullable: bool = False, key: bool = False) -> list[Column[Any]]:
    return [Column(name, BigInteger, nullable=nullable, primary_key=key, autoincrement=False) for name in names]


def _bytes(*names: str) -> list[Column[Any]]:
    return [Column(name, LargeBinary, nullable=False) for name in names]


def _seq() -> Column[Any]:
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _workspace(*, key: bool = False) -> Column[Any]:
    return Column("workspace_id", Text, ForeignKey("workspaces.id"), nullable=False, primary_key=key)


def _row_of(name: str, target: str, *, key: bool) -> Column[Any]:
    rule = ForeignKey(target, ondelete="CASCADE")
    return Column(name, BigInteger, rule, nullable=False, primary_key=key, autoincrement=False)


_table("counters", *_text("name", key=True), *_number("value"))
_table(
    "workspaces",
    *_text("id", key=True),
    *_text("subscription_id", "resource_group", "name", "location", "tags"),
    *_number("created"),
    UniqueConstraint("subscription_id", "resource_group", "name"),
)
_table(
    "experiments",
    *_text("id", key=True),
    _workspace(),
    *_text("name"),
    *_number("created"),
    *_text("tags"),
    *_number("archived", nullable=True),
    UniqueConstraint("workspace_id", "name"),
)
_table(
    "blobs",
    *_text("sha256", key=True),
    *_number("size_bytes"),
    *_text("pack", nullable=True),
    *_number("offset", "added"),
    Index("blobs_pack", "pack"),
)
_table("trees", *_text("id", key=True), *_bytes("entries"), *_number("added"))
_table(
    "environments",
    _seq(),
    _workspace(),
    *_text("name", "version", "spec"),
    *_number("created"),
    UniqueConstraint("workspace_id", "name", "version"),
)
_table(
    "environment_builds",
    _workspace(key=True),
    *_text("id", key=True),
    *_text("spec"),
    Column("anew", Boolean, nullable=False),
    Column("offline", Boolean, nullable=False),
    *_text("status"),
    *_text("error", "lock_id", nullable=True),
    *_number("requested"),
    *_number("ended", nullable=True),
    *_number("log"),
    Index("environment_builds_status", "status"),
)
_table("locks", *_text("id", key=True), *_bytes("lock"))
_table(
    "resolutions",
    *_text("content_key", "platform", key=True),
    Column("lock_id", Text, ForeignKey("locks.id"), nullable=False),
    *_text("as_of", nullable=True),
    *_text("notes"),
)
_table(
    "computes",
    _workspace(key=True),
    *_text("name", key=True),
    *_text("kind", "vm_size", "vm_priority"),
    *_number("min_nodes", "max_nodes", "idle_s"),
    *_text("description", nullable=True),
    *_text("tags", "location"),
    *_number("created", "modified"),
    *_text("engine"),
    Column("is_stopped", Boolean, nullable=False),
    *_text("remote", nullable=True),
    *_text("details"),
)
_table(
    "datastores",
    _workspace(key=True),
    *_text("name", key=True),
    *_text("kind", "settings", "credential_type"),
    *_number("created"),
    Column("is_default", Boolean, nullable=False),
)
_table(
    "datasets",
    _seq(),
    _workspace(),
    *_text("id", "kind", "sources", "definition"),
    *_number("created", "modified"),
    *_text("name", nullable=True),
    *_number("version", nullable=True),
    *_text("description", nullable=True),
    *_text("tags", "content"),
    UniqueConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "name", "version"),
    Index("datasets_content", "workspace_id", "content"),
)
_table(
    "secrets",
    _workspace(key=True),
    *_text("name", key=True),
    *_text("sealed"),
)
_table(
    "requests",
    _workspace(key=True),
    *_text("request_id", key=True),
    *_text("made"),
    *_number("created"),
)
_table(
    "nodes",
    *_text("name", key=True),
    *_text("pool", "share"),
    *_number("started"),
    *_number("idle_since", "seen", nullable=True),
    Column("leaving", Boolean, nullable=False),
    *_text("trouble", nullable=True),
    Index("nodes_pool", "pool"),
)
_table(
    "runs",
    _seq(),
    _workspace(),
    *_text("id", "experiment"),
    *_number("number"),
    *_text("type", nullable=True),
    *_text("status", "display_name", "target"),
    *_number("attempt"),
    *_text("tags", "properties", "stages", "warnings"),
    *_text("error", "waiting_for", "lock_id", nullable=True),
    *_number("created"),
    *_number("started", "ended", nullable=True),
    *_number("revision"),
    *_text("name", "description", "parent_id", nullable=True),
    *_text("parameters"),
    *_number("trashed", nullable=True),
    *_text("past"),
    *_number("again_at", nullable=True),
    *_number("parts"),
    *_text("pool"),
    *_text("submission_id", nullable=True),
    UniqueConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "submission_id"),
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
_table(
    "run_labels",
    _row_of("run", "runs.seq", key=False),
    *_number("kind"),
    *_text("name"),
    *_text("value", "whole", nullable=True),
    Column("number", Double, nullable=True),
    UniqueConstraint("run", "kind", "name"),
    Index("run_labels_value", "kind", "name", "value", "run"),
    Index("run_labels_number", "kind", "name", "number", "run"),
)
_table(
    "jobs",
    _row_of("run", "runs.seq", key=True),
    *_text("snapshot_id", "job"),
    Index("jobs_snapshot", "snapshot_id"),
)
_table(
    "queue",
    _row_of("run", "runs.seq", key=True),
    *_text("pool"),
    *_number("priority"),
    *_text("lane"),
    *_number("nodes"),
    Index("queue_order", "pool", "priority", "lane", "run"),
)
_table(
    "leases",
    *_text("workspace_id", "run_id", key=True),
    *_number("attempt"),
    *_text("node", "pool"),
    *_number("expires"),
    *_number("node_rank", key=True),
    ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
    Index("leases_node", "node"),
    Index("leases_pool", "pool"),
    Index("leases_expires", "expires"),
)
_table(
    "gangs",
    *_text("workspace_id", "run_id", key=True),
    *_text("gang"),
    ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
)
_table(
    "run_files",
    _row_of("run", "runs.seq", key=True),
    *_text("path", key=True),
    *_number("size_bytes"),
    *_text("sha256", nullable=True),
    *_number("log", nullable=True),
    Column("live", Boolean, nullable=False),
    Index("run_files_sha256", "sha256"),
)
_table(
    "run_data",
    _row_of("run", "runs.seq", key=True),
    *_text("direction", "name", key=True),
    *_text("mode", "sources"),
    *_text("dataset_id", "dataset_name", nullable=True),
    *_number("dataset_version", nullable=True),
    *_text("path_on_compute", nullable=True),
    Index("run_data_dataset", "dataset_id"),
)
_table("journals", _row_of("run", "runs.seq", key=True), *_text("journal", key=True), *_number("drained"))
_table(
    "metrics",
    _seq(),
    _row_of("run", "runs.seq", key=False),
    *_bytes("name"),
    *_text("kind"),
    *_number("points"),
    *[Column(name, Double, nullable=True) for name in ("first", "last", "min", "max")],
    *_number("last_step", nullable=True),
    UniqueConstraint("run", "name"),
    Index("metrics_last", "name", "last", "run"),
)
_table(
    "metric_chunks",
    _row_of("metric", "metrics.seq", key=True),
    *_number("number", key=True),
    *_bytes("points"),
    Column("extremes", LargeBinary, nullable=True),
)
_table(
    "sweeps",
    _row_of("run", "runs.seq", key=True),
    *_text("spec", "state"),
    Column("is_open", Boolean, nullable=False),
    *_number("parts"),
    Index("sweeps_open", "is_open", "run"),
)
_table(
    "trials",
    _row_of("sweep", "sweeps.run", key=True),
    *_number("number", key=True),
    *_text("run_id", "parameters"),
    *_text("resumed", nullable=True),
    Column("is_open", Boolean, nullable=False),
    *_number("judged", "attempt"),
    *_text("stopped_by", nullable=True),
    Index("trials_open", "sweep", "is_open", "number"),
)
_table(
    "decisions",
    _row_of("sweep", "sweeps.run", key=True),
    *_text("run_id", key=True),
    *_number("attempt", "report", key=True),
    Column("value", Double, nullable=True),
    Column("bound", Double, nullable=True),
    Column("ends", Boolean, nullable=False),
    *_text("why"),
    *_number("when"),
)
_table(
    "models",
    _seq(),
    _workspace(),
    *_text("name"),
    *_number("version"),
    *_text("tree_id"),
    *_text("framework", "framework_version", "run_id", "experiment", "lock_id", "description", nullable=True),
    *_text("tags", "properties"),
    *_text("resources", nullable=True),
    *_number("size_bytes", "created"),
    *_text("created_by"),
    *_text("snapshot_id", "parent_id", nullable=True),
    *_text("datasets"),
    *_text("sample_input", "sample_output", "stage", nullable=True),
    UniqueConstraint("workspace_id", "name", "version"),
    Index("models_run", "workspace_id", "run_id"),
    Index("models_tree", "tree_id"),
)
_table(
    "model_aliases",
    _workspace(key=True),
    *_text("name", "alias", key=True),
    *_number("version"),
)
_table(
    "model_events",
    _seq(),
    _workspace(),
    *_text("name"),
    *_number("when"),
    *_text("what"),
    *_number("version", nullable=True),
    *_text("detail", "by"),
    *_text("why", nullable=True),
    *_number("before", nullable=True),
    Index("model_events_name", "workspace_id", "name", "seq"),
)
_table(
    "services",
    _workspace(key=True),
    *_text("name", "version", key=True),
    *_text("state", "deployment"),
    *_number("revision"),
    *_text("lock_id", "address", nullable=True),
    *_text("step"),
    *_text("error", "description", nullable=True),
    *_text("tags", "properties"),
    *_number("created", "updated", "changes", "traffic"),
    Column("is_default", Boolean, nullable=False),
    Column("is_control", Boolean, nullable=False),
    *_number("processes"),
    *_text("node", nullable=True),
    *_number("port", nullable=True),
    *_number("log"),
    *_text("earlier", nullable=True),
    Column("is_proven", Boolean, nullable=False),
    *_text("pool", nullable=True),
    *_text("placements"),
    *_number("routed"),
    *_number("wanted", nullable=True),
)
_table(
    "service_sources",
    _workspace(key=True),
    *_text("name", "version", "tree_id", key=True),
)
