"""`amlet tag`: tag a run, or show its tags."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, keys_or_values, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.runs import UpdateRun


@click.command("tag")
@click.argument("run_text", metavar="RUN")
@click.argument("tags", metavar="[KEY[=VALUE]...]", nargs=-1, callback=keys_or_values)
@click.option("--remove", metavar="KEY", multiple=True, help="Take this tag away; repeat.")
@workspace_options
@json_option
def command(
    run_text: str,
    tags: dict[str, str | None],
    remove: tuple[str, ...],
    workspace: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Set tags of RUN, in the place of those it has under these keys, and show all it has then.

    A KEY alone is a tag without a value. RUN is an id, the end of one, or `latest`; it may be over.
    """
    held = place.connection(workspace, folder)
    run = find_run(held, run_text)
    if tags or remove:
        asked = UpdateRun(set_tags=tags, remove_tags=list(remove))
        run = held.client.runs.update(held.workspace_id, run.id, asked)
    if as_json:
        json_output.document({"run": run.id, "tags": run.tags})
    elif run.tags:
        Terminal(sys.stdout).facts(
            (plain(key), "" if value is None else plain(value)) for key, value in run.tags.items()
        )
    else:
        print(f"Run {run.id} has no tags.", file=sys.stderr)
