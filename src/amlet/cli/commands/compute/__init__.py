"""`amlet compute`: compute targets and their nodes."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "list": "The compute targets of the workspace, and how many nodes each has.",
    "show": "One target: its nodes, what each does, and the runs that wait for one.",
}


@click.command("compute", cls=LazyGroup, folder="amlet.cli.commands.compute", table=COMMANDS)
def command() -> None:
    """Compute targets: how many nodes they have and what those do."""
