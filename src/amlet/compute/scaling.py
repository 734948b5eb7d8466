"""How many nodes there should be: pure decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from amlet.domain.compute import Node, Scale


class Plan(NamedTuple):
    """What to bring about for the nodes of one target."""

    forget: list[Node]
    """Their process is gone, and they hold nothing."""
    revive: list[Node]
    """Their process is gone, and they hold a run: the same name takes it up again."""
    leave: list[Node]
    """No longer wanted: they are to end."""
    add: int
    """How many new ones to start."""


def plan(
    scale: Scale,
    nodes: Sequence[Node],
    alive: Collection[str],
    held: Collection[str],
    queued: int,
    now: datetime,
    *,
    silent: Collection[str] = (),
) -> Plan:
    """Decide for one target.

    Nodes whose process is there, or that hold a run, are never more than the target may have, those that are on
    their way out counted: an engine that would have to start one more waits until they are gone. Where the bounds
    were lowered, what is above them goes as soon as it holds no run.

    Args:
        nodes: Those on record.
        alive: The names of those whose process is there.
        held: The names of those that hold a run.
        queued: Runs that wait for a node; more than the target may have need not be counted.
        silent: The names of those that should ask for work and do not: cut off, or frozen. They take the place of a
            node, do the work of none, and go after the idle time like others.
    """
    present = [node for node in nodes if node.name in alive or node.name in held]
    staying = [node for node in present if not node.leaving]
    wanted = wanted_nodes(queued, len(held), scale.min_nodes, scale.max_nodes)
    answering = [node for node in staying if node.name not in silent]
    leave = _over(staying, held, scale.max_nodes)
    if not leave and scale.idle_s is not None:
        leave = surplus(answering, held, wanted, scale.idle_s, now) + _gone_silent(staying, silent, scale.idle_s, now)
    return Plan(
        forget=[node for node in nodes if node not in present],
        revive=[node for node in present if node.name not in alive],
        leave=leave,
        add=max(0, min(wanted - len(answering), scale.max_nodes - len(present))),
    )


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


def _gone_silent(nodes: Sequence[Node], silent: Collection[str], idle_s: float, now: datetime) -> list[Node]:
    long_ago = now - timedelta(seconds=idle_s)
    return [node for node in nodes if node.name in silent and node.seen is not None and node.seen <= long_ago]


def _over(nodes: Sequence[Node], busy: Collection[str], max_nodes: int) -> list[Node]:
    """Nodes above the maximum that hold no run; those that have not begun to work first."""
    free = [node for node in nodes if node.name not in busy]
    free.sort(key=lambda node: (node.seen is not None, node.name))
    return free[: max(0, len(nodes) - max_nodes)]
