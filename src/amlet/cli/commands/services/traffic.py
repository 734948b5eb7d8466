"""`amlet services traffic`: which versions of an endpoint get how many of its requests."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.options import json_option, key_values, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.service import TrafficShare
from amlet.wire.services import SetTraffic


@click.command("traffic")
@click.argument("name", metavar="ENDPOINT")
@click.argument("shares", metavar="[VERSION=PERCENT]...", nargs=-1, callback=key_values)
@click.option("--default", metavar="VERSION", help="What no version has a share of goes to this one.")
@workspace_options
@json_option
def command(
    name: str, shares: dict[str, str], default: str | None, workspace: str | None, folder: Path, as_json: bool
) -> None:
    """Show how the requests of ENDPOINT are split between its versions, or split them anew.

    A version that is not named gets none: `amlet services traffic shop green=100` sends everything to green.
    """
    wrong = [text for text in shares.values() if not (text.isascii() and text.isdigit())]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not a percentage.")
    held = place.connection(workspace, folder)
    if shares or default is not None:
        before = held.client.services.versions(held.workspace_id, name).services
        kept = {one.version: one.traffic for one in before}
        wanted = {version: int(text) for version, text in shares.items()} or kept
        asked = SetTraffic([TrafficShare(version, percent) for version, percent in wanted.items()], default)
        found = held.client.services.set_traffic(held.workspace_id, name, asked).services
    else:
        found = held.client.services.versions(held.workspace_id, name).services
    if as_json:
        json_output.document(found)
        return
    rows = [
        (plain(one.version), one.state, f"{one.traffic} %", "default" if one.is_default else "", str(one.revision))
        for one in found
    ]
    Terminal(sys.stdout).table(("VERSION", "STATE", "TRAFFIC", "", "REVISION"), rows)
