"""`amlet compute list`: the compute targets of the workspace."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from amlet.base.units import human_bytes
from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.cli.target_view import TargetView, look
from amlet.cli.terminal import Terminal, plain
from amlet.domain.compute import LOCAL


@click.command("list")
@workspace_options
@json_option
def command(workspace: str | None, folder: Path, as_json: bool) -> None:
    """List the compute targets, with their nodes and the runs that wait for one."""
    held = place.connection(workspace, folder)
    names = [LOCAL, *(state.target.name for state in held.client.computes.list(held.workspace_id).computes)]
    found = [look(held, name) for name in names]
    if as_json:
        json_output.document([view.as_json() for view in found])
        return
    head = ("TARGET", "KIND", "SIZE", "NODES", "DOING", "WAITING", "SHARE OF A RUN")
    Terminal(sys.stdout).table(head, map(_row, found))


def _row(view: TargetView) -> tuple[str, ...]:
    doing = Counter(node.state for node in view.nodes)
    return (
        plain(view.name),
        view.state.target.kind if view.state else "this machine",
        plain(view.state.target.vm_size) if view.state else "",
        f"{len(view.nodes)} of {view.most}",
        ", ".join(f"{count} {state}" for state, count in sorted(doing.items())),
        str(len(view.waiting)) if view.waiting else "",
        plain(view.state.share) if view.state else _whole(view),
    )


def _whole(view: TargetView) -> str:
    share = next((node.share for node in view.nodes), None)
    return f"{share.cores} cores, {human_bytes(share.memory_bytes)}" if share else ""
