"""`amlet models alias`: what stands for a version."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_model import find_model
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.model import STAGES
from amlet.sdk.model_links import user_name
from amlet.wire.codec import encode
from amlet.wire.models import EditModel, SetAlias


@click.command("alias")
@click.argument("name", metavar="MODEL[:VERSION]")
@click.argument("alias", required=False)
@click.option("--stage", type=click.Choice([*STAGES, "none"]), help="Set the stage of the version.")
@click.option("--remove", is_flag=True, help="Take the alias away.")
@click.option("--why", help="Kept in the history.")
@workspace_options
@json_option
def command(
    name: str,
    alias: str | None,
    stage: str | None,
    remove: bool,
    why: str | None,
    workspace: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Let ALIAS stand for a version, the latest unless one is named; with nothing more, show the aliases."""
    held = place.connection(workspace, folder)
    model, api = find_model(held, name), held.client.models
    if remove and alias is None:
        raise click.UsageError("--remove needs the ALIAS to take away.")
    if stage is not None:
        asked = EditModel(stage="" if stage == "none" else stage, by=user_name(), why=why)
        model = api.edit(held.workspace_id, model.name, model.version, asked)
    found = api.aliases(held.workspace_id, model.name).aliases
    if alias is not None:
        version = None if remove else model.version
        found = api.set_alias(held.workspace_id, model.name, SetAlias(alias, version, user_name(), why)).aliases
    if as_json:
        json_output.document({"model": encode(model), "aliases": encode(found)})
        return
    Terminal(sys.stdout).table(("ALIAS", "VERSION"), [(plain(one.alias), str(one.version)) for one in found])
