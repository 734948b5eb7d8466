"""`amlet services delete`: a service ends."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.services import VersionQuery


@click.command("delete")
@click.argument("name", metavar="SERVICE")
@click.option("--version", metavar="NAME", default="", help="Of an endpoint: only this version of it.")
@workspace_options
@json_option
def command(name: str, version: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """End a service and forget it. Its models stay."""
    held = place.connection(workspace, folder)
    held.client.services.delete(held.workspace_id, name, VersionQuery(version))
    if as_json:
        json_output.document({"deleted": name, "version": version or None})
        return
    Terminal(sys.stdout).line(f"Deleted {plain(f'version {version} of {name}' if version else name)}.")
