"""`amlet services list`: what is deployed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.codec import encode


@click.command("list")
@workspace_options
@json_option
def command(workspace: str | None, folder: Path, as_json: bool) -> None:
    """List the services of the workspace."""
    held = place.connection(workspace, folder)
    found = held.client.services.list(held.workspace_id).services
    if as_json:
        json_output.document(encode(found))
        return
    rows = [
        (
            plain(one.name),
            one.state,
            plain(", ".join(one.model_ids) or one.deployment.entry_script or one.deployment.kind),
            str(one.revision),
            plain(one.address or "-"),
        )
        for one in found
    ]
    Terminal(sys.stdout).table(("SERVICE", "STATE", "SERVES", "REVISION", "ADDRESS"), rows)
