"""`amlet services show`: all about one service."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.codec import encode


@click.command("show")
@click.argument("name", metavar="SERVICE")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show a service: its state, its models, where it answers, and why it failed."""
    held = place.connection(workspace, folder)
    one = held.client.services.get(held.workspace_id, name)
    if as_json:
        json_output.document(encode(one))
        return
    out = Terminal(sys.stdout)
    out.line(out.strong(plain(one.name)))
    facts = [
        ("state", f"{one.state}: {one.step}"),
        ("models", ", ".join(one.model_ids)),
        ("revision", str(one.revision)),
        ("address", f"{one.address}/score" if one.address else None),
        ("description", one.description),
        *(("tag", key if value is None else f"{key}={value}") for key, value in one.tags.items()),
        ("deployed", f"{one.updated:%Y-%m-%d %H:%M}"),
    ]
    out.facts([(label, plain(value)) for label, value in facts if value])
    for text in (one.error or "").splitlines():
        out.line(f"  {plain(text)}")
