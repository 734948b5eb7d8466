"""`amlet env`: environments, their locks and their builds."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "list": "The environments of the workspace, curated ones too.",
    "show": "What one asks for, its versions and its packages.",
    "build": "Resolve and build one now.",
    "lock": "Its exact packages, with hashes.",
    "diff": "What differs between the packages of two.",
    "export": "Its packages for pip, conda or uv.",
    "prune": "Delete builds that nobody has used for long.",
}


@click.command("env", cls=LazyGroup, folder="amlet.cli.commands.env", table=COMMANDS)
def command() -> None:
    """Environments: what was asked for, what it resolved to, and what is built."""
