"""What a run's page shows: read in one transaction, shaped for the templates."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from amlet.base.errors import NotFound
from amlet.domain import run as runs
from amlet.domain.artifact import BlobLocation, Tree
from amlet.domain.data import DataUse
from amlet.domain.environment import Lock
from amlet.domain.job import FIRST_STD_LOG, STD_LOG, Job
from amlet.domain.model import Model
from amlet.domain.run import Run
from amlet.domain.workspace import Workspace
from amlet.operations.prepare import BUILD_LOG
from amlet.server.studio.data_view import use_rows
from amlet.server.studio.family import Family, read_family
from amlet.server.studio.metric_reading import Held, read_metrics
from amlet.server.studio.metric_views import metrics_view
from amlet.server.studio.run_files import Fetch, FileRow, RunFiles, file_href
from amlet.server.studio.sources import read_snapshot, sources_view
from amlet.server.studio.tails import Tail
from amlet.server.studio.timeline import timeline
from amlet.server.studio.trials_view import TrialsView, read_trials
from amlet.server.studio.words import clip
from amlet.store.base import FileRecord, MetricSummary, ModelFilter, Transaction
from amlet.wire import pages

OUTPUT_LOG = STD_LOG
LOGS = (STD_LOG, FIRST_STD_LOG, BUILD_LOG)
FILES_LIMIT = 500
TRACEBACK_LIMIT = 20_000
COMMAND_LIMIT = 4_000


class RunFacts(NamedTuple):
    """The records behind a run's page."""

    workspace: Workspace
    run: Run
    job: Job | None
    lock: Lock | None
    files: list[FileRecord]
    summaries: list[MetricSummary]
    metrics: dict[str, Held]
    models: list[Model]
    locations: dict[str, BlobLocation]
    """Of logs that are blobs by now."""
    family: Family
    snapshot: Tree | None
    data: list[DataUse] = []
    trials: TrialsView | None = None
    """Of a sweep."""

    @property
    def output_log(self) -> str:
        """What the script prints."""
        return self.job.script_log if self.job is not None else STD_LOG


def read_facts(
    tx: Transaction, workspace_id: str, run_id: str, now: datetime, asked: Mapping[str, str] | None = None
) -> RunFacts:
    """Read all of it.

    Args:
        asked: What the address says of the order of a sweep's trials.

    Raises:
        NotFound: if there is no such workspace or run.
    """
    workspace = tx.workspaces.get(workspace_id)
    run = tx.runs.get(workspace_id, run_id)
    files = tx.files.list(workspace_id, run_id)
    summaries = tx.metrics.summaries(workspace_id, run_id)
    finished = [file.sha256 for file in files if file.path in LOGS and file.sha256]
    try:
        job = tx.runs.job(workspace_id, run_id)
    except NotFound:
        job = None
    return RunFacts(
        workspace=workspace,
        run=run,
        job=job,
        lock=tx.locks.get(run.lock_id) if run.lock_id else None,
        files=files,
        summaries=summaries,
        metrics=read_metrics(tx, workspace_id, run_id, summaries),
        models=tx.models.list(workspace_id, ModelFilter(run_id=run_id)),
        locations=tx.blobs.locate(finished) if finished else {},
        family=read_family(tx, run, now),
        snapshot=read_snapshot(tx, run),
        data=tx.data_uses.of_run(workspace_id, run_id),
        trials=read_trials(tx, run, asked or {}, now),
    )


def run_values(facts: RunFacts, fetch: Fetch, now: datetime) -> dict[str, Any]:
    """The templates' values but the logs. Blocks: files that are shown are read."""
    run = facts.run
    files = RunFiles(run, facts.files, fetch)
    return {
        "workspace": facts.workspace,
        "run": run,
        "job": facts.job,
        "command": clip(command_line(facts.job), COMMAND_LIMIT) if facts.job else "",
        "lock": facts.lock,
        "models": facts.models,
        "bars": timeline(run, now),
        "took_s": ((run.ended or now) - run.created).total_seconds(),
        "traceback": clip(run.error.stack_trace, TRACEBACK_LIMIT) if run.error and run.error.stack_trace else "",
        "metrics": metrics_view(facts.summaries, facts.metrics, files),
        "family": facts.family,
        "trials": facts.trials,
        "sources": sources_view(run, facts.snapshot, files),
        "data": use_rows(run.workspace_id, facts.data),
        "files": [FileRow(file.path, file.size_bytes, files.href(file.path)) for file in facts.files[:FILES_LIMIT]],
        "files_left": max(0, len(facts.files) - FILES_LIMIT),
        "files_bytes": sum(file.size_bytes for file in facts.files),
        "api": pages.run_api(run.workspace_id, run.id),
    }


def log_values(run: Run, output: Tail, build: Tail) -> dict[str, Any]:
    """The values of the log panels. The build's is open while it is what happens, or when nothing else came of it."""
    preparing = run.status in (runs.NOT_STARTED, runs.STARTING, runs.PREPARING)
    return {
        "output": output,
        "output_href": file_href(run, output.path),
        "build": build,
        "build_href": file_href(run, build.path),
        "build_open": preparing or (run.is_over and not output.exists),
    }


def command_line(job: Job) -> str:
    """What is executed, as one would type it."""
    if job.command is not None:
        return job.command
    return shlex.join([job.script or "", *job.arguments])
