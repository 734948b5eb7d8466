"""`amlet server stop`."""

from __future__ import annotations

import os
import sys

import click

from amlet.base.paths import Home
from amlet.cli import json_output, running
from amlet.cli.live_line import LiveLine
from amlet.cli.options import json_option
from amlet.cli.terminal import Terminal


@click.command("stop")
@click.option("--cancel-runs", is_flag=True, help="Also while runs are in progress; they end as canceled.")
@json_option
def command(cancel_runs: bool, as_json: bool) -> None:
    """End the server of this user, with its nodes and services, and wait until it is gone."""
    home = Home.find()
    if os.environ.get("AMLET_URL"):
        print(f"amlet: AMLET_URL is set; this ends the local server of {home.root}", file=sys.stderr)
    with LiveLine(Terminal(sys.stderr)) as live:
        live.now("stop", "nodes and services end first")
        pid = running.stop(home, cancel_runs=cancel_runs)
    if as_json:
        json_output.document({"stopped": pid is not None, "pid": pid})
    elif pid is None:
        print(f"No server runs for {home.root}.")
    else:
        print(f"The server (process {pid}) has ended.")
