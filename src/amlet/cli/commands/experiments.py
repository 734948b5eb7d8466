"""`amlet experiments`: list, archive, reactivate."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from amlet.base.names import EXPERIMENT
from amlet.cli import json_output, place
from amlet.cli.each import each
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.run import Run
from amlet.domain.workspace import Experiment
from amlet.sdk.connection import Connection
from amlet.wire.codec import encode
from amlet.wire.runs import RunQuery
from amlet.wire.workspaces import ExperimentQuery, UpdateExperiment


@click.command("experiments")
@click.option("-a", "--all", "archived_too", is_flag=True, help="Archived ones too.")
@click.option("--archive", metavar="NAME", multiple=True, help="Take this one out of the way; repeat.")
@click.option("--reactivate", metavar="NAME", multiple=True, help="Bring this one back; repeat.")
@workspace_options
@json_option
def command(
    archived_too: bool,
    archive: tuple[str, ...],
    reactivate: tuple[str, ...],
    workspace: str | None,
    folder: Path,
    as_json: bool,
) -> int:
    """List the experiments of the workspace with how many runs were made in each, or archive and reactivate some."""
    asked = [*((name, True) for name in archive), *((name, False) for name in reactivate)]
    for name, _ in asked:
        EXPERIMENT.check(name)
    held = place.connection(workspace, folder)
    if not asked:
        _list(held, archived_too=archived_too, as_json=as_json)
        return 0
    changed, failed = each(
        asked,
        lambda one: held.client.experiments.update(held.workspace_id, one[0], UpdateExperiment(archived=one[1])),
    )
    if as_json:
        json_output.document(changed)
    else:
        for experiment in changed:
            print(f"{experiment.name}  {'archived' if experiment.archived else 'active'}")
    return 1 if failed else 0


def _list(held: Connection, *, archived_too: bool, as_json: bool) -> None:
    query = ExperimentQuery("all" if archived_too else "active")
    found = [(one, *_newest(held, one)) for one in held.client.experiments.list(held.workspace_id, query).experiments]
    if as_json:
        told = [{**encode(one), "runs_made": made, "latest": run and run.id} for one, run, made in found]
        json_output.document(told)
        return
    if not found:
        print(f'Workspace "{held.names.name}" has no experiments.', file=sys.stderr)
        return
    Terminal(sys.stdout).table(
        ("EXPERIMENT", "RUNS MADE", "LATEST", "STATE", "TAGS"),
        [
            (
                plain(one.name),
                str(made),
                _moment(run.created) if run else "",
                "archived" if one.archived else "active",
                plain(", ".join(key if value is None else f"{key}={value}" for key, value in one.tags.items())),
            )
            for one, run, made in found
        ],
    )


def _newest(held: Connection, experiment: Experiment) -> tuple[Run | None, int]:
    """Its newest run, and how many were made: the numbers of runs count them, so nobody is asked for all."""
    newest: list[Run | None] = []
    for trashed in (False, True):
        query = RunQuery(experiment.name, limit=1, recursive=True, trashed=trashed)
        newest += held.client.runs.list(held.workspace_id, query).runs or [None]
    return newest[0], max(run.number if run else 0 for run in newest)


def _moment(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
