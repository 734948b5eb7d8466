"""`amlet models delete`: a version goes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_model import find_model
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.sdk.model_links import user_name
from amlet.wire.models import DeleteQuery


@click.command("delete")
@click.argument("name", metavar="MODEL:VERSION")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Delete one version that no service uses. Its number is never given again, and its history stays."""
    held = place.connection(workspace, folder)
    if ":" not in name:
        raise click.UsageError(f"{name!r} is not MODEL:VERSION: say which version goes.")
    model = find_model(held, name)
    held.client.models.delete(held.workspace_id, model.name, model.version, DeleteQuery(user_name()))
    if as_json:
        json_output.document({"deleted": model.id})
        return
    Terminal(sys.stdout).line(f"Deleted {plain(model.id)}.")
