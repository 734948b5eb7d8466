"""Composes a node from the variables that its engine set."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from amlet.artifacts.stage import TreeCache
from amlet.base.paths import Home
from amlet.client.connection import Client
from amlet.client.server_file import ServerFile
from amlet.domain.job import Share
from amlet.environments import Environments
from amlet.node.parts import Parts
from amlet.node.worker import Worker


def main() -> int:
    """Run until the server no longer wants this node, or a signal ends it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = Worker(compose(os.environ, ended))
    try:
        worker.run()
    finally:
        worker.close()
    return 0


def compose(variables: Mapping[str, str], ended: threading.Event) -> Parts:
    """The parts of a node of these variables."""
    home = Home.find(variables)
    token = variables["AMLET_NODE_TOKEN"]

    def refresh() -> tuple[str, str] | None:
        """A server that was started again may listen elsewhere; the node's own token stays good."""
        found = ServerFile.read(home.server_file)
        return (found.url, token) if found else None

    client = Client(variables["AMLET_NODE_URL"], token, refresh=refresh, log_path=str(home.server_log))
    name = variables["AMLET_NODE_NAME"]
    folder = home.nodes / name
    return Parts(
        name=name,
        pool=variables["AMLET_NODE_POOL"],
        share=Share(int(variables["AMLET_NODE_CORES"]), int(variables["AMLET_NODE_MEMORY_BYTES"])),
        client=client,
        environments=Environments(home.environments),
        trees=TreeCache(home.nodes / "trees"),
        folder=folder,
        sdk=Path(variables["AMLET_NODE_SDK"]),
        ended=ended,
    )
