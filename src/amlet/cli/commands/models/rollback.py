"""`amlet models rollback`: an alias goes back to the version before."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal
from amlet.sdk.model_links import user_name
from amlet.wire.codec import encode
from amlet.wire.models import Rollback


@click.command("rollback")
@click.argument("name", metavar="MODEL@ALIAS")
@click.option("--why", help="Kept in the history.")
@workspace_options
@json_option
def command(name: str, why: str | None, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Let an alias stand for the version that it stood for before. Services that run stay as they are."""
    held = place.connection(workspace, folder)
    model, mark, alias = name.partition("@")
    if not mark or not model or not alias:
        raise click.UsageError(f"{name!r} is not MODEL@ALIAS, such as iris@champion.")
    found = held.client.models.rollback(held.workspace_id, model, Rollback(alias, user_name(), why)).aliases
    if as_json:
        json_output.document(encode(found))
        return
    version = next(one.version for one in found if one.alias == alias)
    Terminal(sys.stdout).line(f"{model}@{alias} is version {version} now.")
