"""`amlet ps`: the runs of a workspace."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import click

from amlet.base.names import EXPERIMENT
from amlet.base.units import human_seconds
from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.run import TERMINAL, TRANSITIONS, Run
from amlet.sdk.connection import Connection
from amlet.wire.runs import RunQuery

PAGE = 1000


@click.command("ps")
@click.option("-a", "--all", "ended_too", is_flag=True, help="Those that have ended too.")
@click.option("-x", "--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@workspace_options
@json_option
def command(
    ended_too: bool, experiment: str | None, count: int, workspace: str | None, folder: Path, as_json: bool
) -> None:
    """List the runs that are in progress, newest first; with --all those that have ended too."""
    if experiment is not None:
        EXPERIMENT.check(experiment)
    held = place.connection(workspace, folder)
    runs = _newest(held, experiment, count) if ended_too else _in_progress(held, experiment, count)
    if as_json:
        json_output.document(runs)
        return
    if not runs:
        told = "no runs" if ended_too else "no run in progress; `amlet ps --all` lists those that have ended"
        print(f'Workspace "{held.names.name}" has {told}.', file=sys.stderr)
        return
    out = Terminal(sys.stdout)
    now = datetime.now(timezone.utc)
    out.table(
        ("RUN", "STATUS", "MADE", "TOOK", "TARGET", "NAME"),
        (
            (
                plain(run.id),
                out.status(run.status),
                f"{human_seconds((now - run.created).total_seconds())} ago",
                _took(run, now),
                plain(run.target),
                "" if run.display_name == run.id else plain(run.display_name),
            )
            for run in runs
        ),
    )


def _took(run: Run, now: datetime) -> str:
    if run.started is None:
        return ""
    return human_seconds(((run.ended or now) - run.started).total_seconds())


def _newest(held: Connection, experiment: str | None, count: int) -> list[Run]:
    runs: list[Run] = []
    before: int | None = None
    while len(runs) < count:
        query = RunQuery(experiment, limit=min(PAGE, count - len(runs)), before=before)
        page = held.client.runs.list(held.workspace_id, query)
        runs += page.runs
        before = page.next
        if before is None:
            break
    return runs


def _in_progress(held: Connection, experiment: str | None, count: int) -> list[Run]:
    # A question a status: the runs in progress may lie behind any number of ended ones.
    runs: list[Run] = []
    for status in TRANSITIONS:
        if status not in TERMINAL:
            query = RunQuery(experiment, status, limit=min(PAGE, count))
            runs += held.client.runs.list(held.workspace_id, query).runs
    return sorted(runs, key=lambda run: run.created, reverse=True)[:count]
