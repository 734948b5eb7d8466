"""`amlet sweep extend`: give a sweep more trials."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.sweep_view import follow_sweep, tell_sweep
from amlet.cli.terminal import Terminal
from amlet.domain.run import COMPLETED
from amlet.wire.sweeps import ExtendSweep


@click.command("extend")
@click.argument("run", default="latest")
@click.option("--runs", type=int, required=True, help="How many more.")
@click.option("-d", "--detach", is_flag=True, help="Leave at once.")
@workspace_options
@json_option
def command(run: str, runs: int, detach: bool, workspace: str | None, folder: Path, as_json: bool) -> int:
    """Give the sweep RUN more trials, be it over or not."""
    held = place.connection(workspace, folder)
    found = find_run(held, run)
    details = held.client.sweeps.extend(held.workspace_id, found.id, ExtendSweep(runs))
    if not detach:
        details = follow_sweep(held, found.id)
    json_output.document(details) if as_json else tell_sweep(Terminal(sys.stdout), details)
    return 0 if detach or details.run.status == COMPLETED else 1
