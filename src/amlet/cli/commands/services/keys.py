"""`amlet services keys`: what opens a service."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal
from amlet.domain.deployment import BY_TOKEN
from amlet.wire.services import PRIMARY, SECONDARY, RegenerateKey


@click.command("keys")
@click.argument("name", metavar="SERVICE")
@click.option("--regenerate", type=click.Choice((PRIMARY, SECONDARY)), help="Put a fresh key in this one's place.")
@workspace_options
@json_option
def command(name: str, regenerate: str | None, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Print the keys of a service, or a fresh token of one that takes tokens.

    Both keys open it, so that clients can be given the one while the other is regenerated.
    """
    held = place.connection(workspace, folder)
    api = held.client.services
    auth = api.get(held.workspace_id, name).deployment.auth
    if auth == BY_TOKEN and regenerate is None:
        token = api.token(held.workspace_id, name)
        if as_json:
            json_output.document(token)
            return
        Terminal(sys.stdout).facts([("token", token.token), ("expires", f"{token.expires:%Y-%m-%d %H:%M:%S%z}")])
        return
    if regenerate is not None:
        keys = api.regenerate_key(held.workspace_id, name, RegenerateKey(regenerate))
    else:
        keys = api.keys(held.workspace_id, name)
    if as_json:
        json_output.document(keys)
        return
    Terminal(sys.stdout).facts([("primary", keys.primary), ("secondary", keys.secondary)])
