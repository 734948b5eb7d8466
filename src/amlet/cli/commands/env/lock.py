"""`amlet env lock`: the exact packages of an environment, a run or a model."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.locked import find_locked
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal
from amlet.domain.lock_export import requirements_text
from amlet.wire.codec import encode


@click.command("lock")
@click.argument("name", metavar="WHOSE")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Print the exact packages with their hashes.

    WHOSE is ENVIRONMENT, ENVIRONMENT:VERSION, a yaml or requirements file, run:ID (or a run's id), model:NAME or
    model:NAME:VERSION. An environment that was not resolved yet is, and keeps that lock until it is built anew.
    """
    held = place.connection(workspace, folder)
    found = find_locked(held, name, Terminal(sys.stderr), folder)
    if as_json:
        json_output.document(encode(found.lock))
    else:
        sys.stdout.write(requirements_text(found.lock))
