"""`amlet models history`: who changed what, when and why."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_model import find_model
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.codec import encode


@click.command("history")
@click.argument("name", metavar="MODEL")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show what became of a model's versions and aliases, newest first. It is kept also when versions are deleted."""
    held = place.connection(workspace, folder)
    events = held.client.models.history(held.workspace_id, name).events
    if not events:
        find_model(held, name)
    if as_json:
        json_output.document(encode(events))
        return
    rows = [
        (
            f"{event.when:%Y-%m-%d %H:%M:%S}",
            "-" if event.version is None else str(event.version),
            event.what,
            plain(event.detail + (f" (was {event.before})" if event.before is not None else "")),
            plain(event.by or "-"),
            plain(event.why or "-"),
        )
        for event in events
    ]
    Terminal(sys.stdout).table(("WHEN", "VERSION", "WHAT", "DETAIL", "BY", "WHY"), rows)
