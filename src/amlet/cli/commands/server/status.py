"""`amlet server status`."""

from __future__ import annotations

import os
import sys

import click

from amlet.base.paths import Home
from amlet.cli import json_output
from amlet.cli.options import json_option
from amlet.cli.terminal import Terminal
from amlet.client.connection import Client
from amlet.client.local_server import LocalServer, connect


@click.command("status")
@click.option("--show-token", is_flag=True, help="Print the token too: who has it may do everything.")
@json_option
def command(show_token: bool, as_json: bool) -> int:
    """Whether the server runs, its address, and what it does. Ends with 1 when none runs.

    Where AMLET_URL is set this is about the server there.
    """
    home = Home.find()
    elsewhere = bool(os.environ.get("AMLET_URL"))
    client: Client | None = connect(home) if elsewhere else LocalServer(home, start=False).running()
    if client is None:
        if as_json:
            json_output.document({"running": False, "home": str(home.root)})
        else:
            print(f"No server runs for {home.root}. It starts when it is needed, or by `amlet server start`.")
        return 1
    status = client.server.status()
    facts = {
        "url": client.url,
        "version": status.version,
        "pid": status.pid,
        "started": status.started,
        "runs_active": status.runs_active,
        "services": status.services,
        "nodes": status.nodes,
    }
    if not elsewhere:
        facts |= {"home": str(home.root), "log": str(home.server_log)}
    if show_token:
        facts["token"] = client.token
    if as_json:
        json_output.document({"running": True, **facts})
        return 0
    out = Terminal(sys.stdout)
    out.line(f"The server {out.good('runs')}.")
    out.facts((name.replace("_", " "), str(value)) for name, value in facts.items())
    return 0
