"""`amlet sweep resume`: try again the trials that a sweep lacks."""

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
from amlet.wire.sweeps import ResumeSweep


@click.command("resume")
@click.argument("run", default="latest")
@click.option("-d", "--detach", is_flag=True, help="Leave at once.")
@workspace_options
@json_option
def command(run: str, detach: bool, workspace: str | None, folder: Path, as_json: bool) -> int:
    """Try again every trial of the sweep RUN that failed or was cancelled, and draw those that are missing."""
    held = place.connection(workspace, folder)
    found = find_run(held, run)
    details = held.client.sweeps.resume(held.workspace_id, found.id, ResumeSweep())
    if not detach:
        details = follow_sweep(held, found.id)
    json_output.document(details) if as_json else tell_sweep(Terminal(sys.stdout), details)
    return 0 if detach or details.run.status == COMPLETED else 1
