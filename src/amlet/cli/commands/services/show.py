"""`amlet services show`: all about one service."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.service_view import facts_of
from amlet.cli.terminal import Terminal, plain
from amlet.domain.deployment import ENDPOINT
from amlet.wire.codec import encode
from amlet.wire.services import ServiceQuery


@click.command("show")
@click.argument("name", metavar="SERVICE")
@click.option("--version", metavar="NAME", default="", help="Of an endpoint: this version of it.")
@workspace_options
@json_option
def command(name: str, version: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show a service: its state, its models, where it answers, and why it failed; of an endpoint its versions too."""
    held = place.connection(workspace, folder)
    one = held.client.services.get(held.workspace_id, name, ServiceQuery(version=version))
    versions = []
    if one.deployment.kind == ENDPOINT:
        versions = held.client.services.versions(held.workspace_id, name).services
    if as_json:
        shown = {**encode(one), "versions": encode(versions)} if versions else encode(one)
        json_output.document(shown)
        return
    out = Terminal(sys.stdout)
    out.line(out.strong(plain(f"{one.name} {one.version}".rstrip())))
    out.facts(facts_of(one))
    for held_version in versions:
        out.line(out.strong(plain(held_version.version)))
        out.facts(facts_of(held_version))
    for text in (one.error or "").splitlines():
        out.line(f"  {plain(text)}")
