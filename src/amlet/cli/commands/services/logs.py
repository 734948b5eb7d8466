"""`amlet services logs`: what a service printed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.wire.services import TailQuery


@click.command("logs")
@click.argument("name", metavar="SERVICE")
@click.option("--tail", type=click.IntRange(min=1), default=5000, show_default=True, help="Only the last lines.")
@workspace_options
@json_option
def command(name: str, tail: int, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Print the last lines that the processes of a service printed."""
    held = place.connection(workspace, folder)
    with held.client.services.logs(held.workspace_id, name, TailQuery(tail)) as body:
        text = body.read().decode("utf-8", "replace")
    if as_json:
        json_output.document({"text": text})
        return
    sys.stdout.write(text)
