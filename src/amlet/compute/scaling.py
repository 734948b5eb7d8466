"""How many nodes there should be: pure decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from amlet.domain.compute import Node


def wanted_nodes(queued: int, busy: int, min_nodes: int, max_nodes: int) -> int:
    """A node for every run that waits or goes on, within the target's bounds.

    Args:
        queued: Runs that wait for a node.
        busy: Nodes that hold a run.
    """
    return max(min_nodes, min(max_nodes, queued + busy))


def surplus(nodes: Sequence[Node], busy: Collection[str], wanted: int, idle_s: float, now: datetime) -> list[Node]:
    """The nodes to end: those without work for `idle_s` seconds, longest idle first, never below `wanted`."""
    idle = [node for node in nodes if node.name not in busy and node.idle_since is not None]
    over = [node for node in idle if now - (node.idle_since or now) >= timedelta(seconds=idle_s)]
    over.sort(key=lambda node: node.idle_since or now)
    return over[: max(0, len(nodes) - wanted)]
