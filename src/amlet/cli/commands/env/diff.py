"""`amlet env diff`: what differs between the packages of two environments, runs or models."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.locked import find_locked
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.comparison import differences
from amlet.domain.environment import Lock
from amlet.wire.codec import encode


@click.command("diff")
@click.argument("left_name", metavar="WHOSE")
@click.argument("right_name", metavar="WHOSE")
@workspace_options
@json_option
def command(left_name: str, right_name: str, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show which packages differ. WHOSE is as in `amlet env lock`."""
    held = place.connection(workspace, folder)
    log = Terminal(sys.stderr)
    left, right = (find_locked(held, name, log, folder) for name in (left_name, right_name))
    found = differences(_facts(left.lock), _facts(right.lock))
    if as_json:
        json_output.document({"left": left.title, "right": right.title, "differences": encode(found)})
        return
    if not found:
        same = "the same lock" if left.lock.id == right.lock.id else "the same packages"
        print(f"{left.title} and {right.title} have {same}.", file=sys.stderr)
        return
    rows = [(plain(one.name), plain(one.left or "-"), plain(one.right or "-")) for one in found]
    Terminal(sys.stdout).table(("", plain(left.title), plain(right.title)), rows)


def _facts(lock: Lock) -> dict[str, str]:
    facts = {"Python": lock.python, "platform": lock.platform, "as of": lock.as_of or "today"}
    if lock.interpreter:
        facts["interpreter"] = lock.interpreter
    if lock.image:
        facts["image"] = lock.image
    return {**facts, **{package.name: package.version for package in lock.packages}}
