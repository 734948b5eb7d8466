"""`amlet env export`: a lock in the form that another tool reads."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.locked import find_locked
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal
from amlet.domain.lock_export import FORMATS


@click.command("export")
@click.argument("name", metavar="WHOSE")
@click.option("-f", "--format", "form", type=click.Choice(list(FORMATS)), default="requirements", show_default=True)
@workspace_options
@json_option
def command(name: str, form: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Print the packages of an environment, a run or a model for another tool.

    requirements: for `pip install --require-hashes -r FILE` or `uv pip sync FILE`. conda: an environment.yml. uv: a
    pyproject.toml for `uv sync`. WHOSE is as in `amlet env lock`.
    """
    held = place.connection(workspace, folder)
    text = FORMATS[form](find_locked(held, name, Terminal(sys.stderr), folder).lock)
    if as_json:
        json_output.document({"format": form, "text": text})
    else:
        sys.stdout.write(text)
