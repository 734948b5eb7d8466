"""`amlet services delete`: a service ends."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain


@click.command("delete")
@click.argument("name", metavar="SERVICE")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """End a service and forget it. Its models stay."""
    held = place.connection(workspace, folder)
    held.client.services.delete(held.workspace_id, name)
    if as_json:
        json_output.document({"deleted": name})
        return
    Terminal(sys.stdout).line(f"Deleted {plain(name)}.")
