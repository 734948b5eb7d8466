"""One compute target as commands show it: its nodes, the runs on them, and those that wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from amlet.base.units import human_seconds
from amlet.cli.terminal import Terminal, plain
from amlet.domain.compute import LOCAL
from amlet.domain.run import CANCEL_REQUESTED, FINALIZING, QUEUED, RUNNING, Run
from amlet.sdk.connection import Connection
from amlet.wire.codec import encode
from amlet.wire.computes import ComputeNode, ComputeState
from amlet.wire.runs import RunQuery

MOST_RUNS = 1000


class TargetView(NamedTuple):
    """What was seen at one moment."""

    name: str
    state: ComputeState | None
    """None for `local`, which is no record."""
    nodes: list[ComputeNode]
    running: dict[str, Run]
    """By their ids: those of this workspace."""
    waiting: list[Run]
    """Next one first."""

    @property
    def most(self) -> int:
        """How many nodes it may have."""
        return self.state.target.max_nodes if self.state is not None else 1

    def doing(self, node: ComputeNode, now: datetime) -> str:
        """What a node does, in words."""
        run = self.running.get(node.run_id or "")
        if run is not None:
            since = f" for {human_seconds((now - run.started).total_seconds())}" if run.started else ""
            return f"{run.id} ({run.status}{since})"
        if node.state == "running":
            return node.run_id or "a run of another workspace"
        if node.trouble:
            return node.trouble
        if node.idle_since is not None:
            return f"without work for {human_seconds((now - node.idle_since).total_seconds())}"
        return ""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        target = encode(self.state.target) if self.state is not None else {"name": self.name, "kind": LOCAL}
        return {
            **target,
            "share": self.state.share if self.state is not None else None,
            "nodes": encode(self.nodes),
            "waiting": [{"run": run.id, "waiting_for": run.waiting_for} for run in self.waiting],
        }


def look(held: Connection, name: str) -> TargetView:
    """See what a target does now.

    Raises:
        NotFound: for an unknown name.
    """
    state = None if name == LOCAL else held.client.computes.get(held.workspace_id, name)
    nodes = held.client.computes.nodes(held.workspace_id, name).nodes
    running: dict[str, Run] = {}
    for status in (RUNNING, FINALIZING, CANCEL_REQUESTED, QUEUED):
        if any(node.run_id and node.run_id not in running for node in nodes):
            query = RunQuery(status=status, filter=f"target = '{name}'", limit=MOST_RUNS, recursive=True)
            running.update((run.id, run) for run in held.client.runs.list(held.workspace_id, query).runs)
    query = RunQuery(status=QUEUED, filter=f"target = '{name}'", limit=MOST_RUNS, recursive=True)
    page = held.client.runs.list(held.workspace_id, query)
    held_now = {node.run_id for node in nodes}
    waiting = [run for run in page.runs if run.id not in held_now]
    waiting.sort(key=lambda run: (page.ahead.get(run.id, len(page.ahead)), run.created))
    return TargetView(
        name, state, nodes, {run_id: running[run_id] for run_id in running if run_id in held_now}, waiting
    )


def node_rows(terminal: Terminal, view: TargetView, now: datetime) -> list[tuple[str, ...]]:
    """A row a node, for a table."""
    return [
        (
            plain(node.name),
            terminal.strong(node.state) if node.state == "running" else node.state,
            plain(node.address or ""),
            f"{node.share.cores} {'core' if node.share.cores == 1 else 'cores'}",
            plain(view.doing(node, now)),
        )
        for node in view.nodes
    ]
