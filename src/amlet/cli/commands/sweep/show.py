"""`amlet sweep show`: how a sweep stands."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.sweep_view import follow_sweep, page_of, tell_sweep
from amlet.cli.terminal import Terminal


@click.command("show")
@click.argument("run", default="latest")
@click.option("-f", "--follow", is_flag=True, help="Until it is over.")
@workspace_options
@json_option
def command(run: str, follow: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """How the sweep RUN stands: counts, the best trial, warnings."""
    held = place.connection(workspace, folder)
    found = find_run(held, run)
    details = follow_sweep(held, found.id) if follow else held.client.sweeps.get(held.workspace_id, found.id)
    if as_json:
        json_output.document(details)
        return
    terminal = Terminal(sys.stdout)
    tell_sweep(terminal, details)
    terminal.line(f"  {terminal.faint(page_of(held, details.run))}")
