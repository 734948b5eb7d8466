"""`amlet restore`: take runs out of the trash."""

from __future__ import annotations

from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.each import each
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options


@click.command("restore")
@click.argument("run_texts", metavar="RUN...", nargs=-1, required=True)
@workspace_options
@json_option
def command(run_texts: tuple[str, ...], workspace: str | None, folder: Path, as_json: bool) -> int:
    """Take runs out of the trash, with the children that went in with them.

    RUN is an id, the end of one that lies there, or `latest`, the newest that lies there.
    """
    held = place.connection(workspace, folder)
    runs, failed = each(run_texts, lambda text: find_run(held, text, trashed=True))
    restored, refused = each(
        list({run.id: run for run in runs}.values()),
        lambda run: (held.client.runs.restore(held.workspace_id, run.id), run.trashed is None),
    )
    if as_json:
        json_output.document([{"run": run.id, "was_not_in_trash": was_there} for run, was_there in restored])
    else:
        for run, was_there in restored:
            print(f"{run.id}  {'was not in the trash' if was_there else 'restored'}")
    return 1 if failed or refused else 0
