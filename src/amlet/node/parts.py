"""What a node works with."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

from amlet.artifacts.stage import TreeCache
from amlet.client.connection import Client
from amlet.domain.job import Share
from amlet.environments import Environments
from amlet.node.warm import WarmPool


class Parts(NamedTuple):
    """A node, composed."""

    name: str
    pool: str
    share: Share
    client: Client
    environments: Environments
    trees: TreeCache
    data: Path
    """Files of datastores elsewhere, shared by all runs of this machine."""
    home: Path
    folder: Path
    """This node's own: attempts and replicas lie below it."""
    sdk: Path
    """The in-job side, put ahead of every job's path."""
    warm: WarmPool
    """Starts scripts in milliseconds where that is safe."""
    ended: threading.Event
    """Set when the node is to end what it runs, and itself."""
