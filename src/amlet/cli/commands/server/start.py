"""`amlet server start`."""

from __future__ import annotations

import click

from amlet.base.paths import Home
from amlet.cli import json_output
from amlet.cli.options import json_option
from amlet.client.local_server import LocalServer


@click.command("start")
@json_option
def command(as_json: bool) -> None:
    """Start the server of this user, in the background, if it does not run."""
    client = LocalServer(Home.find()).connect()
    status = client.server.status()
    if as_json:
        json_output.document({"url": client.url, "pid": status.pid, "version": status.version})
    else:
        print(f"The server runs at {client.url} (process {status.pid}).")
