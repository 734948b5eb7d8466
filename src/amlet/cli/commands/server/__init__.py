"""`amlet server`: the server of this user."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "status": "Whether it runs, where, and what it does.",
    "start": "Start it, if it does not run.",
    "stop": "End it, with its nodes and services.",
    "run": "Run it here, in the foreground.",
}


@click.command("server", cls=LazyGroup, folder="amlet.cli.commands.server", table=COMMANDS)
def command() -> None:
    """The server of this user: it starts by itself when it is needed, and ends when long idle."""
