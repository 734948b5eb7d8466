"""`amlet models download`: a version's files."""

from __future__ import annotations

from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_model import find_model
from amlet.cli.options import json_option, workspace_options
from amlet.cli.own_models import save_files


@click.command("download")
@click.argument("name", metavar="MODEL[:VERSION|@ALIAS]")
@click.argument("target", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--replace", is_flag=True, help="Replace files that are there.")
@workspace_options
@json_option
def command(name: str, target: Path, replace: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Save the files of a model below TARGET, which is this folder unless named."""
    held = place.connection(workspace, folder)
    saved = [str(path) for path in save_files(held, find_model(held, name), target, replace=replace)]
    if as_json:
        json_output.document(saved)
        return
    for path in saved:
        print(path)
