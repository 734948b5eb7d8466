"""`amlet services`: deployed models."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "list": "The services of the workspace, and how they are.",
    "show": "All about one.",
    "logs": "What its processes printed.",
    "call": "Send it a request.",
    "keys": "What opens it; turn a key over.",
    "update": "Change it without an outage.",
    "traffic": "How an endpoint's requests are split between its versions.",
    "delete": "End and delete one.",
}


@click.command("services", cls=LazyGroup, folder="amlet.cli.commands.services", table=COMMANDS)
def command() -> None:
    """Services: deployed models that answer over HTTP."""
