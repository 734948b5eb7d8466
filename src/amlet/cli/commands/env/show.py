"""`amlet env show`: all about one environment."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.locked import find_environment
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.wire.codec import encode


@click.command("show")
@click.argument("name", metavar="ENVIRONMENT[:VERSION]")
@workspace_options
@json_option
def command(name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show what an environment asks for, which versions it has, and the packages it resolved to."""
    held = place.connection(workspace, folder)
    record = find_environment(held, name)
    api, spec = held.client.environments, record.spec
    versions = [one.spec.version for one in api.versions(held.workspace_id, spec.name).environments]
    lock = api.lock(held.workspace_id, record.lock_id) if record.lock_id else None
    if as_json:
        json_output.document({**encode(record), "versions": versions, "lock": encode(lock)})
        return
    out = Terminal(sys.stdout)
    out.line(out.strong(plain(spec.name)))
    out.facts(
        [
            ("version", plain(spec.version or "curated")),
            ("versions", plain(", ".join(text or "" for text in versions)) or "none registered"),
            ("python", plain(f"yours: {spec.interpreter}" if spec.user_managed else spec.python or "any")),
            *(("conda", plain(line)) for line in spec.conda),
            *(("pip", plain(line)) for line in spec.pip),
            *(("channel", plain(line)) for line in spec.channels),
            *(("variable", plain(key)) for key in spec.variables),
        ]
    )
    if spec.container is not None:
        out.facts([("container", plain(spec.container.image or "a Dockerfile"))])
    if lock is None:
        out.line(f"Not resolved yet: `amlet env lock {name}` does it.")
        return
    out.line()
    as_of = f", packages as of {lock.as_of}" if lock.as_of else ""
    out.line(out.strong(f"Lock {lock.id[:8]}: Python {lock.python} on {lock.platform}{as_of}"))
    for note in lock.notes:
        out.line(f"  {plain(note)}")
    out.table(("PACKAGE", "VERSION"), [(plain(held.name), plain(held.version)) for held in lock.packages])
