"""`amlet services logs`: what a service printed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.sdk.connection import Connection
from amlet.wire.services import TailQuery

WAIT_S = 20.0
PATIENCE_S = 600.0


@click.command("logs")
@click.argument("name", metavar="SERVICE")
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until Ctrl-C, or until the service is deleted.")
@click.option("--tail", type=click.IntRange(min=1), default=5000, show_default=True, help="Only the last lines.")
@click.option("--version", metavar="NAME", default="", help="Of an endpoint: this version of it.")
@workspace_options
@json_option
def command(
    name: str, follows: bool, tail: int, version: str, workspace: str | None, folder: Path, as_json: bool
) -> None:
    """Print the last lines that the processes of a service printed. With --json an object a piece of the log."""
    held = place.connection(workspace, folder)
    text, offset = _part(held, name, TailQuery(tail, version=version))
    if not follows:
        if as_json:
            json_output.document({"text": text})
        else:
            sys.stdout.write(text)
        return
    while True:
        if text and as_json:
            json_output.line(event="log", text=text)
        elif text:
            sys.stdout.write(text)
            sys.stdout.flush()
        text, offset = _part(held, name, TailQuery(offset=offset, wait_s=WAIT_S, version=version))


def _part(held: Connection, name: str, query: TailQuery) -> tuple[str, int]:
    """A piece of the log, and where the next one begins."""
    with held.client.services.logs(held.workspace_id, name, query, patience_s=PATIENCE_S) as body:
        data = body.read()
        return data.decode("utf-8", "replace"), body.total_bytes or (query.offset or 0) + len(data)
