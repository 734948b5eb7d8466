"""`amlet models list`: what is registered."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.codec import encode
from amlet.wire.models import ModelQuery


@click.command("list")
@click.argument("name", required=False)
@click.option("--run", "run_id", metavar="RUN", help="Only those that this run made.")
@workspace_options
@json_option
def command(name: str | None, run_id: str | None, workspace: str | None, folder: Path, as_json: bool) -> None:
    """List the latest version of every model, or all versions of NAME."""
    held = place.connection(workspace, folder)
    found = held.client.models.list(
        held.workspace_id, ModelQuery(name=name, run_id=run_id, latest=name is None and run_id is None)
    ).models
    if as_json:
        json_output.document(encode(found))
        return
    rows = [
        (
            plain(model.id),
            plain(model.framework or "-"),
            model.stage or "-",
            plain(model.run_id or "-"),
            f"{model.created:%Y-%m-%d %H:%M}",
            plain(model.created_by or "-"),
        )
        for model in found
    ]
    Terminal(sys.stdout).table(("MODEL", "FRAMEWORK", "STAGE", "RUN", "CREATED", "BY"), rows)
