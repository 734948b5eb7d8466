"""`amlet models`: the registry."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "list": "The latest version of every model, or all of one.",
    "show": "All about one: files, lineage, aliases.",
    "inspect": "What its pickles would import, without loading them.",
    "alias": "Let an alias stand for a version, or set its stage.",
    "history": "Who changed what, when and why.",
    "rollback": "Let an alias stand for the version before.",
    "download": "Save its files.",
    "delete": "Delete a version that no service uses.",
}


@click.command("models", cls=LazyGroup, folder="amlet.cli.commands.models", table=COMMANDS)
def command() -> None:
    """Models: registered, versioned files, and what became of them."""
