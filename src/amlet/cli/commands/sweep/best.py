"""`amlet sweep best`: the best trial, or why there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.sdk.exceptions import as_v1
from amlet.sdk.run import Run
from amlet.sdk.workspace import Workspace


@click.command("best")
@click.argument("run", default="latest")
@workspace_options
@json_option
def command(run: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """The trial of the sweep RUN with the best value of the primary metric. An error says why there is none."""
    from amlet.sdk.hyperdrive.exceptions import HyperDriveException
    from amlet.sdk.hyperdrive.run import HyperDriveRun

    held = place.connection(workspace, folder)
    found = find_run(held, run)
    with as_v1(HyperDriveException):
        details = held.client.sweeps.get(held.workspace_id, found.id)
    if details.best is None:
        sweep = Run._of_record(Workspace(*held.names, _held=held), details.run)
        assert isinstance(sweep, HyperDriveRun)
        sweep.get_best_run_by_primary_metric(strict=True)
    if as_json:
        json_output.document(details.best)
        return
    assert details.best is not None
    terminal = Terminal(sys.stdout)
    pairs = [("run", plain(details.best.trial.run_id)), ("status", terminal.status(details.best.status))]
    for objective, value in zip(details.spec.objectives, details.best.best, strict=True):
        pairs.append((plain(objective.metric), "" if value is None else repr(value)))
    pairs += [(plain(name), plain(value)) for name, value in details.best.trial.parameters.items()]
    terminal.facts(pairs)
