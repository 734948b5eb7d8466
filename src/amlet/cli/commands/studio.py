"""`amlet studio`: the pages, in a browser that is signed in by a link of one use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from amlet.cli import json_output, pages, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options


@click.command("studio")
@click.argument("run_text", metavar="[RUN]", required=False)
@click.option("--no-open", is_flag=True, help="Print the link only.")
@workspace_options
@json_option
def command(run_text: str | None, no_open: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Print a link that opens the pages of this server, or RUN's own, signed in; open it where there is a display.

    The link is good once, for ten minutes. RUN is an id, the end of one, or `latest`.
    """
    held = place.connection(workspace, folder)
    run = find_run(held, run_text) if run_text else None
    link = pages.signed_in(held, run)
    if as_json:
        json_output.document({"url": link, "page": pages.run_address(held, run) if run else f"{held.client.url}/"})
        return
    print(link)
    if not no_open and sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        import webbrowser

        webbrowser.open(link)
