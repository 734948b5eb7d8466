"""`amlet server run`."""

from __future__ import annotations

import os
import sys
import threading
import time

import click

from amlet.base.paths import Home
from amlet.cli import json_output
from amlet.cli.options import json_option
from amlet.client.server_file import ServerFile

_POLL_S = 0.02


@click.command("run")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Default: the port of before, else any.")
@click.option("--behind-tls", is_flag=True, help="A proxy that speaks TLS stands in front: any address may be used.")
@click.option("--engine", type=click.Choice(["local", "ray"]), help="Who starts the nodes of compute clusters.")
@click.option("--ray-address", metavar="HOST:PORT", help="The head of the Ray cluster that this machine is in.")
@json_option
def command(
    host: str, port: int | None, behind_tls: bool, engine: str | None, ray_address: str | None, as_json: bool
) -> None:
    """Run the server here, its log on stderr, until Ctrl-C or `amlet server stop`.

    Runs and services go on when it is ended by Ctrl-C: the next server takes them over.
    """
    from amlet.server.main import serve

    home = Home.find()
    threading.Thread(target=_tell, args=(home, as_json), daemon=True).start()
    given = {"engine": engine, "ray_address": ray_address}
    serve(home, host=host, port=port, behind_tls=behind_tls, given=given)


def _tell(home: Home, as_json: bool) -> None:
    """Tell the address once the server has told it in its file."""
    while True:
        found = ServerFile.read(home.server_file)
        if found is not None and found.pid == os.getpid():
            break
        time.sleep(_POLL_S)
    if as_json:
        json_output.line(url=found.url, pid=found.pid, version=found.version)
    else:
        print(f"The server runs at {found.url} (Ctrl-C ends it).", file=sys.stdout, flush=True)
