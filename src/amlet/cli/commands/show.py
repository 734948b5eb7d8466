"""`amlet show`: all about one run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from amlet.base.units import human_bytes
from amlet.cli import json_output, pages, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.stages import failed_stage, seconds, stage_line
from amlet.cli.terminal import Terminal, plain
from amlet.cli.values import metric_text
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.wire.runs import RunDetails

FILES_SHOWN = 50


@click.command("show")
@click.argument("run_text", metavar="RUN")
@workspace_options
@json_option
def command(run_text: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show a run: status, stages with their seconds, metrics, files, error, the address of its page.

    RUN is an id, the end of one, or `latest`.
    """
    held = place.connection(workspace, folder)
    run = find_run(held, run_text)
    details = held.client.runs.get(held.workspace_id, run.id)
    metrics = held.client.runs.metrics(held.workspace_id, run.id).values
    page = pages.run_address(held, details.run)
    if as_json:
        json_output.document(
            {
                "run": details.run,
                "job": details.job,
                "packages": details.lock.packages if details.lock else None,
                "metrics": metrics,
                "files": details.files,
                "page": page,
            }
        )
        return
    _print(Terminal(sys.stdout), details, metrics, page)


def _print(out: Terminal, details: RunDetails, metrics: Mapping[str, Any], page: str) -> None:
    run, job, lock = details.run, details.job, details.lock
    facts = [
        ("run", out.strong(run.id)),
        ("status", out.status(run.status) + (f": {plain(run.waiting_for)}" if run.waiting_for else "")),
        ("name", "" if run.display_name == run.id else plain(run.display_name)),
        ("experiment", f"{run.experiment}, run {run.number}"),
        ("target", plain(run.target)),
        ("priority", str(job.priority) if job and job.priority else ""),
        ("attempt", _attempt(run, job) if job and (job.retries or run.attempt > 1) else ""),
        ("command", plain(job.command or " ".join([job.script or "", *job.arguments])) if job else ""),
        ("environment", plain(f"{job.environment.name}, version {job.environment.version}") if job else ""),
        ("packages", _packages(lock.python, len(lock.packages), lock.as_of) if lock else ""),
        ("made", _moment(run.created)),
        ("tags", plain(", ".join(key if value is None else f"{key}={value}" for key, value in run.tags.items()))),
        ("page", page),
    ]
    out.facts((name, value) for name, value in facts if value)
    if run.stages:
        out.line(out.strong("\nStages"))
    for stage in run.stages:
        if stage.ended is None:
            out.line(f"  … {stage.name:<9} since {_moment(stage.started)}")
        else:
            good = stage is not failed_stage(run)
            out.line(stage_line(out, stage.name, seconds(stage), stage.detail or "", good=good))
    if run.past:
        out.line(out.strong("\nEarlier attempts"))
    for past in run.past:
        out.line(f"  {past.number}  {_moment(past.ended)}  {plain(past.error.message)}")
    if metrics:
        out.line(out.strong("\nMetrics"))
        out.facts(((plain(name), metric_text(value)) for name, value in metrics.items()), indent="  ")
    if details.files:
        out.line(out.strong("\nFiles"))
        for file in details.files[:FILES_SHOWN]:
            out.line(f"  {human_bytes(file.size_bytes):>9}  {plain(file.path)}{' (grows)' if file.growing else ''}")
        if len(details.files) > FILES_SHOWN:
            out.line(f"  and {len(details.files) - FILES_SHOWN} more; --json lists all.")
    if run.warnings:
        out.line(out.strong("\nNotes"))
    for warning in run.warnings:
        out.line(f"  {plain(warning.message)}")
    if run.error is not None:
        out.line(f"\n{out.bad('Error')}  {run.error.message}")
        if run.error.stack_trace:
            out.line("  " + run.error.stack_trace.rstrip().replace("\n", "\n  "))


def _attempt(run: Run, job: Job) -> str:
    codes = f", also after exit code {', '.join(map(str, job.retry_codes))}" if job.retry_codes else ""
    return f"{run.attempt}, with {len(run.past)} of {job.retries} retries used{codes}"


def _packages(python: str, count: int, as_of: str | None) -> str:
    return f"{count} for Python {python}" + (f", as of {as_of}" if as_of else "")


def _moment(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
