"""The port of an engine: who starts and ends nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from amlet.domain.compute import Node


class Engine(Protocol):
    """Starts and ends worker processes. Called by one thread; no call may block for longer than a second.

    What an engine says of a process is a hint: leases alone decide that a run is lost. After a restart of the server
    it finds the nodes that it started before, by name.
    """

    def names(self) -> set[str]:
        """The nodes whose process is there."""

    def troubles(self) -> Mapping[str, str]:
        """Why nodes that were started are not there yet, or not to be reached, in words, by name."""

    def start(self, node: Node) -> None:
        """Start a node's process. One that is there already is left alone."""

    def stop(self, name: str) -> None:
        """Ask a node to end; it ends what it runs first. One that is not there is no error."""

    def close(self, *, grace_s: float) -> None:
        """End every node, by force after the grace time."""
