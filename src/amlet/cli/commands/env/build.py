"""`amlet env build`: resolve and build an environment now."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.locked import FILES, build, find_environment, from_file
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal
from amlet.wire.codec import encode


@click.command("build")
@click.argument("name", metavar="ENVIRONMENT[:VERSION]|FILE")
@click.option("--anew", is_flag=True, help="Resolve again, for the newest packages that fit.")
@click.option("--offline", is_flag=True, help="Take what the cache has, and ask no index.")
@workspace_options
@json_option
def command(name: str, anew: bool, offline: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Resolve and build an environment, or a yaml or requirements file, with the log shown.

    What was resolved before is only built where the build is gone; --anew asks for the packages of today, which the
    environment then keeps.
    """
    held = place.connection(workspace, folder)
    path = folder / name
    spec = from_file(path) if path.suffix in FILES else find_environment(held, name).spec
    lock = build(held, spec, Terminal(sys.stderr), anew=anew, offline=offline)
    if as_json:
        json_output.document(encode(lock))
    else:
        print(f"{spec.name}: lock {lock.id[:8]}, Python {lock.python}, {len(lock.packages)} packages.")
