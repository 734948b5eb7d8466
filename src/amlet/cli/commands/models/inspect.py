"""`amlet models inspect`: what loading a model would import."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_model import find_model
from amlet.cli.options import json_option, workspace_options
from amlet.cli.own_models import save_files
from amlet.cli.terminal import Terminal, plain
from amlet.serving.nocode import SUFFIXES
from amlet.serving.pickles import Imports, imports_of


@click.command("inspect")
@click.argument("name", metavar="MODEL[:VERSION|@ALIAS]")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """List what the pickles of a model would import. Nothing is loaded and nothing is run.

    Exits with 1 when a pickle names something that trained models seldom do, or cannot be read to its end.
    """
    held = place.connection(workspace, folder)
    model = find_model(held, name)
    with tempfile.TemporaryDirectory(prefix="amlet-inspect-") as below:
        saved = save_files(held, model, Path(below), replace=False)
        found = {str(path.relative_to(below)): imports_of(path) for path in saved if path.suffix in SUFFIXES}
    if as_json:
        json_output.document({path: told._asdict() for path, told in found.items()})
    else:
        _print(Terminal(sys.stdout), found)
    if any(told.unusual or told.trouble for told in found.values()):
        raise SystemExit(1)


def _print(out: Terminal, found: dict[str, Imports]) -> None:
    if not found:
        out.line(f"No file ends in {', '.join(SUFFIXES)}: there is no pickle to look into.")
    for path, told in found.items():
        out.line(out.strong(plain(path)))
        for named in told.names:
            out.line(f"  {plain(named)}" + ("  <- unusual in a model" if named in told.unusual else ""))
        if told.trouble:
            out.line(f"  could not be read to its end: {plain(told.trouble)}")
