"""Composes a node from the variables that its engine set."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from amlet.artifacts.stage import TreeCache
from amlet.base.paths import Home, owner_only
from amlet.client.connection import Client
from amlet.client.server_file import ServerFile
from amlet.client.transport import SOCKET_VARIABLE
from amlet.domain.job import Share
from amlet.environments import Environments, uv_program
from amlet.node import orphan
from amlet.node.parts import Parts
from amlet.node.tether import TETHERED, end_with_starter, leave_guard
from amlet.node.warm import WarmPool
from amlet.node.worker import Worker
from amlet.runtime.attempt import write_json
from amlet.runtime.process import mark_of


def main() -> int:
    """Run until the server no longer wants this node, or a signal ends it."""
    if os.environ.get(TETHERED):
        leave_guard()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.environ.get(TETHERED):
        end_with_starter(ended)
    parts = compose(os.environ, ended)
    with only_one(parts.folder) as first:
        if not first:
            logging.getLogger("amlet.node").info("another worker has the name %s: ending", parts.name)
            return 0
        write_json(parts.folder / "process.json", mark_of()._asdict())
        uv_program.end_left_over(str(parts.home))
        orphan.watch(ended)
        worker = Worker(parts)
        try:
            worker.run()
        finally:
            worker.close()
            parts.warm.close()
            parts.environments.close()
            uv_program.end_left_over(str(parts.home), own=True)
    return 0


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Hold a node's folder; False when another process holds it. Two workers of one name would take up each
    other's attempts.
    """
    handle = os.open(owner_only(folder) / "node.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def compose(variables: Mapping[str, str], ended: threading.Event) -> Parts:
    """The parts of a node of these variables."""
    home = Home.find(variables)
    token = variables["AMLET_NODE_TOKEN"]

    def refresh() -> tuple[str, str] | None:
        """A server that was started again may listen elsewhere; the node's own token stays good."""
        found = ServerFile.read(home.server_file)
        return (found.url, token) if found else None

    via = variables.get(SOCKET_VARIABLE, "")
    client = Client(variables["AMLET_NODE_URL"], token, refresh=refresh, log_path=str(home.server_log), via=via)
    name = variables["AMLET_NODE_NAME"]
    folder = home.nodes / name
    return Parts(
        name=name,
        pool=variables["AMLET_NODE_POOL"],
        share=Share(int(variables["AMLET_NODE_CORES"]), int(variables["AMLET_NODE_MEMORY_BYTES"])),
        client=client,
        environments=Environments(home.environments, compiles=True),
        trees=TreeCache(home.nodes / "trees"),
        data=home.data,
        home=home.root,
        folder=folder,
        sdk=Path(variables["AMLET_NODE_SDK"]),
        warm=WarmPool(folder / "warm", Path(variables["AMLET_NODE_SDK"])),
        ended=ended,
    )
