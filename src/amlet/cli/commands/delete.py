"""`amlet delete`: put runs into the trash."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from amlet.base.errors import InvalidInput
from amlet.cli import json_output, place
from amlet.cli.each import each
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.run import Run


@click.command("delete")
@click.argument("run_texts", metavar="RUN...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@workspace_options
@json_option
def command(run_texts: tuple[str, ...], yes: bool, workspace: str | None, folder: Path, as_json: bool) -> int:
    """Put runs that are over into the trash, with their children; `amlet restore` takes them out again.

    RUN is an id, the end of one, or `latest`. On a terminal it asks first; elsewhere it needs -y.
    """
    held = place.connection(workspace, folder)
    # All are found before one is deleted: `latest latest` would else mean two runs.
    runs, failed = each(run_texts, lambda text: find_run(held, text))
    runs = list({run.id: run for run in runs}.values())
    if runs and not yes and not _agrees(runs):
        print("Nothing was deleted.", file=sys.stderr)
        return 1
    deleted, refused = each(runs, lambda run: held.client.runs.trash(held.workspace_id, run.id))
    if as_json:
        json_output.document([{"run": run.id, "trashed": run.trashed} for run in deleted])
    else:
        for run in deleted:
            print(f"{run.id}  in the trash")
    return 1 if failed or refused else 0


def _agrees(runs: Sequence[Run]) -> bool:
    """What a person says to it.

    Raises:
        InvalidInput: nobody is there to be asked.
    """
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"{len(runs)} run{'s' if len(runs) > 1 else ''} would be deleted, and nobody is there to be asked.",
            hint="add -y.",
        )
    out = Terminal(sys.stderr)
    for run in runs:
        out.line(f"  {plain(run.id)}  {out.status(run.status)}  {plain(run.display_name)}")
    return click.confirm("Put into the trash, with their children?", err=True)
