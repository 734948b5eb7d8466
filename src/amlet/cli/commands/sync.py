"""`amlet sync`: bring offline runs to their server."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output
from amlet.cli.options import json_option
from amlet.cli.terminal import Terminal
from amlet.sdk.sync import sync


@click.command("sync")
@click.argument(
    "folders", metavar="[FOLDER...]", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@json_option
def command(folders: tuple[Path, ...], as_json: bool) -> None:
    """Bring runs that were outside a job to the server of their workspace, a line each; once, however often it is run.

    A run goes to the workspace of the config.json where it began. One that goes on is brought as far as it is; one
    whose process was killed ends as Failed. FOLDER is the folder of a run, or one that holds such; without it all
    runs of this machine are brought.
    """
    with json_output.only_ours(as_json):
        runs = sync(list(folders) or None)
        if as_json:
            json_output.document([{"run": run.id, "status": run.status, "page": run.get_portal_url()} for run in runs])
            return
    out = Terminal(sys.stdout)
    for run in runs:
        out.line(f"{run.id}  {out.status(run.status)}  {run.get_portal_url()}")
    if not runs:
        print("Every run is at its server.", file=sys.stderr)
