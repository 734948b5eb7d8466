"""Gangs: the nodes of one attempt that is spread over several of them."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.run import FAILED, RunError, RunWarning


class RankEnd(NamedTuple):
    """How the processes of one node ended, and what they left."""

    outcome: str
    """Completed, Failed or Canceled."""
    exit_code: Optional[int] = None
    error: Optional[RunError] = None
    outputs: List[Entry] = []
    warnings: List[RunWarning] = []
    is_nodes_fault: bool = False


class Seat(NamedTuple):
    """One node of a gang."""

    node: str
    is_taken: bool = False
    """The node knows that it has it."""
    address: Optional[str] = None
    """Where the others reach it, once it is ready to start."""
    end: Optional[RankEnd] = None


class Gang(NamedTuple):
    """The nodes of one attempt, by their rank from 0."""

    attempt: int
    seats: List[Seat]
    has_helpers: bool = False
    """The script runs on node 0 alone: the others help it, and one that fails ends nothing."""
    port: int = 0
    """A free one of node 0's."""
    failed: Optional[int] = None
    """The node whose failure was the first, and ends the others."""

    @property
    def is_ready(self) -> bool:
        """Whether every node can start its processes, or is no longer waited for."""
        return all(seat.address is not None or seat.end is not None for seat in self.seats)

    @property
    def is_stopping(self) -> bool:
        """Whether what still runs is to be ended."""
        return self.failed is not None or (self.has_helpers and self.seats[0].end is not None)

    @property
    def at_work(self) -> int:
        """How many nodes beside the first have not ended."""
        return sum(seat.end is None for seat in self.seats[1:])

    def with_seat(self, node_rank: int, seat: Seat) -> Gang:
        """The same with another seat."""
        return self._replace(seats=[*self.seats[:node_rank], seat, *self.seats[node_rank + 1 :]])

    def ended(self, node_rank: int, end: RankEnd) -> Gang:
        """The same with the end of one node. The first end that is told counts, and the first failure."""
        seat = self.seats[node_rank]
        if seat.end is not None:
            return self
        after = self.with_seat(node_rank, seat._replace(end=end))
        fails = end.outcome == FAILED and not (self.has_helpers and node_rank)
        return after._replace(failed=node_rank) if fails and self.failed is None else after
