"""`amlet services`: deployed models."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "list": "The services of the workspace, and how they are.",
    "show": "All about one.",
    "logs": "What its processes printed.",
    "call": "Send it a request.",
    "delete": "End and delete one.",
}


@click.command("services", cls=LazyGroup, folder="amlet.cli.commands.services", table=COMMANDS)
def command() -> None:
    """Services: deployed models that answer over HTTP."""
