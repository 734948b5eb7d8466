"""`amlet services call`: one request to a service."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from amlet.cli import place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.service_view import credential_of
from amlet.sdk.webservice.asking import call


@click.command("call")
@click.argument("name", metavar="SERVICE")
@click.argument("data", metavar="JSON|@FILE|-")
@workspace_options
@json_option
def command(name: str, data: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Send a request and print the answer, which is JSON in any case.

    The request is JSON, such as '{"data": [[5.1, 3.5, 1.4, 0.2]]}', a file of it, or standard input.
    """
    held = place.connection(workspace, folder)
    if data == "-":
        data = sys.stdin.read()
    elif data.startswith("@"):
        try:
            data = Path(folder, data[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{data[1:]} cannot be read: {error}.") from error
    service = held.client.services.get(held.workspace_id, name)
    answer = call(service, data, credential_of(held, service))
    print(json.dumps(answer, indent=None if as_json else 2))
