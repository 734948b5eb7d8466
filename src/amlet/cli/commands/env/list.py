"""`amlet env list`: the environments of the workspace."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, cut, plain
from amlet.wire.codec import encode
from amlet.wire.environments import EnvironmentRecord

CELL = 60


@click.command("list")
@workspace_options
@json_option
def command(workspace: str | None, folder: Path, as_json: bool) -> None:
    """List the latest version of every environment, and the curated ones."""
    held = place.connection(workspace, folder)
    found = held.client.environments.list(held.workspace_id).environments
    if as_json:
        json_output.document(encode(found))
        return
    Terminal(sys.stdout).table(("ENVIRONMENT", "VERSION", "PYTHON", "RESOLVED", "ASKS FOR"), map(_row, found))


def _row(record: EnvironmentRecord) -> tuple[str, ...]:
    spec = record.spec
    asks = spec.interpreter if spec.user_managed else ", ".join([*spec.conda, *spec.pip])
    return (
        plain(spec.name),
        plain(spec.version or ("curated" if record.curated else "-")),
        "yours" if spec.user_managed else plain(spec.python or "any"),
        (record.lock_id or "")[:8] or "not yet",
        cut(plain(asks), CELL),
    )
