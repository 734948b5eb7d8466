"""`amlet ps`: the runs of a workspace."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from amlet.base.names import EXPERIMENT
from amlet.base.units import human_seconds
from amlet.cli import json_output, place
from amlet.cli.metric_columns import last_values
from amlet.cli.options import json_option, keys_or_values, workspace_options
from amlet.cli.terminal import Terminal, cut, plain
from amlet.domain.filter import metrics_named, parse, parse_order
from amlet.domain.run import TERMINAL, TRANSITIONS, Run
from amlet.sdk.connection import Connection
from amlet.wire.codec import encode
from amlet.wire.runs import RunPage, RunQuery

PAGE = 1000
CELL = 24
"""Columns of a metric's value at most."""


@click.command("ps")
@click.option("-a", "--all", "ended_too", is_flag=True, help="Those that have ended too.")
@click.option("-x", "--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--filter", "condition", metavar="EXPR", help='Only runs that fit: "metrics.Accuracy > 0.9".')
@click.option("--order", metavar="FIELD", help="In place of newest first: `metrics.Accuracy desc`, `started`.")
@click.option(
    "--tag", "tags", metavar="KEY[=VALUE]", multiple=True, callback=keys_or_values, help="Only with this tag; repeat."
)
@click.option("--children", is_flag=True, help="Children beside the runs that have no parent.")
@click.option("--trash", is_flag=True, help="What lies in the trash.")
@workspace_options
@json_option
def command(
    ended_too: bool,
    experiment: str | None,
    count: int,
    condition: str | None,
    order: str | None,
    tags: dict[str, str | None],
    children: bool,
    trash: bool,
    workspace: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """List the runs that are in progress, newest first.

    With --all, --filter, --order, --tag or --trash those that have ended too. A filter compares id, name,
    display_name, experiment, status, type, target, parent, created, started, ended, duration, metrics.NAME,
    params.NAME, tags.KEY and properties.KEY by =, !=, <, <=, >, >=, like, in, is null, joined by and, or, not and
    brackets:

    \b
        amlet ps --filter "metrics.Accuracy > 0.9 and tags.team = 'vision'"
        amlet ps --order "metrics.Accuracy desc"
    """
    if experiment is not None:
        EXPERIMENT.check(experiment)
    metrics = metrics_named(
        parse(condition) if condition is not None else None, parse_order(order) if order is not None else None
    )
    held = place.connection(workspace, folder)
    query = RunQuery(
        experiment,
        filter=condition,
        order=order,
        tags=json.dumps(tags) if tags else None,
        recursive=children,
        trashed=trash,
    )
    ended_too = ended_too or trash or bool(tags) or condition is not None or order is not None
    found = _pages(held, query, count) if ended_too else _in_progress(held, query, count)
    runs = found.runs
    values = [last_values(held, run.id, metrics) for run in runs]
    if as_json:
        told = zip(runs, values, strict=True)
        json_output.document([_as_json(run, last, found.ahead, metrics) for run, last in told])
        return
    if not runs:
        print(f'Workspace "{held.names.name}" has {_none_of(query, ended_too=ended_too)}.', file=sys.stderr)
        return
    _print(Terminal(sys.stdout), found, values, metrics)


def _print(out: Terminal, page: RunPage, values: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> None:
    now = datetime.now(timezone.utc)
    waits = ("WAITS FOR",) if any(run.waiting_for for run in page.runs) else ()
    out.table(
        ("RUN", "STATUS", "MADE", "TOOK", "TARGET", *(cut(plain(name), CELL) for name in metrics), "NAME", *waits),
        [
            (
                plain(run.id),
                _status(out, run, page.ahead),
                f"{human_seconds((now - run.created).total_seconds())} ago",
                _took(run, now),
                plain(run.target),
                *(cut(plain(found[name]), CELL) if name in found else "" for name in metrics),
                "" if run.display_name == run.id else plain(run.display_name),
                *(plain(run.waiting_for or "") for _ in waits),
            )
            for run, found in zip(page.runs, values, strict=True)
        ],
    )


def _status(out: Terminal, run: Run, ahead: Mapping[str, int]) -> str:
    """`Queued #3` is the third in the queue."""
    place = f" #{ahead[run.id] + 1}" if run.id in ahead else ""
    return out.status(run.status) + place


def _as_json(run: Run, last: Mapping[str, Any], ahead: Mapping[str, int], metrics: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {**encode(run), "ahead": ahead.get(run.id)}
    return {**told, "metrics": last} if metrics else told


def _none_of(query: RunQuery, *, ended_too: bool) -> str:
    if query.trashed:
        return "no such runs in the trash" if query.filter or query.tags or query.experiment else "an empty trash"
    if not ended_too:
        return "no run in progress; `amlet ps --all` lists those that have ended"
    return "no runs that fit" if query.filter or query.tags else "no runs"


def _took(run: Run, now: datetime) -> str:
    if run.started is None:
        return ""
    return human_seconds(((run.ended or now) - run.started).total_seconds())


def _pages(held: Connection, query: RunQuery, count: int) -> RunPage:
    runs: list[Run] = []
    ahead: dict[str, int] = {}
    before: int | None = None
    while len(runs) < count:
        asked = query._replace(limit=min(PAGE, count - len(runs)), before=before)
        page = held.client.runs.list(held.workspace_id, asked)
        runs += page.runs
        ahead.update(page.ahead)
        before = page.next
        if before is None:
            break
    return RunPage(runs, None, ahead)


def _in_progress(held: Connection, query: RunQuery, count: int) -> RunPage:
    # A question a status: the runs in progress may lie behind any number of ended ones.
    runs: list[Run] = []
    ahead: dict[str, int] = {}
    for status in TRANSITIONS:
        if status not in TERMINAL:
            asked = query._replace(status=status, limit=min(PAGE, count))
            page = held.client.runs.list(held.workspace_id, asked)
            runs += page.runs
            ahead.update(page.ahead)
    return RunPage(sorted(runs, key=lambda run: run.created, reverse=True)[:count], None, ahead)
