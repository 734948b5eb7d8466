"""`amlet models show`: all about one version."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_model import find_model
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.codec import encode


@click.command("show")
@click.argument("name", metavar="MODEL[:VERSION|@ALIAS]")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show a model: its files, what it was made from, and what it is called."""
    held = place.connection(workspace, folder)
    model = find_model(held, name)
    api = held.client.models
    files = api.files(held.workspace_id, model.name, model.version).entries
    aliases = [one.alias for one in api.aliases(held.workspace_id, model.name).aliases if one.version == model.version]
    if as_json:
        json_output.document({**encode(model), "aliases": aliases, "files": encode(files)})
        return
    out = Terminal(sys.stdout)
    out.line(out.strong(plain(model.id)))
    facts = [
        ("aliases", ", ".join(aliases)),
        ("stage", model.stage),
        ("framework", " ".join(filter(None, (model.framework, model.framework_version)))),
        ("description", model.description),
        ("run", model.run_id),
        ("snapshot", model.snapshot_id),
        ("lock", model.lock_id),
        ("parent", model.parent_id),
        *(("data", f"{use.purpose}: {use.id}") for use in model.datasets),
        *(("tag", key if value is None else f"{key}={value}") for key, value in model.tags.items()),
        *(("property", f"{key}={value}") for key, value in model.properties.items()),
        ("registered", f"{model.created:%Y-%m-%d %H:%M} by {model.created_by or 'unknown'}"),
    ]
    out.facts([(label, plain(value)) for label, value in facts if value])
    out.line()
    out.table(("FILE", "BYTES"), [(plain(entry.path), f"{entry.size_bytes:,}") for entry in files])
