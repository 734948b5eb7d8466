"""Which nodes hold how many processes of a service: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Size(NamedTuple):
    """What a process needs, or what is free on a node."""

    millicores: int
    memory_bytes: int

    def plus(self, other: Size) -> Size:
        return Size(self.millicores + other.millicores, self.memory_bytes + other.memory_bytes)

    def minus(self, other: Size) -> Size:
        """What is left; never less than nothing."""
        millicores, memory_bytes = self.millicores - other.millicores, self.memory_bytes - other.memory_bytes
        return Size(max(0, millicores), max(0, memory_bytes))

    def times(self, count: int) -> Size:
        return Size(self.millicores * count, self.memory_bytes * count)

    def holds(self, need: Size) -> int:
        """How many processes of a size have room here."""
        found = self.millicores // need.millicores
        return min(found, self.memory_bytes // need.memory_bytes) if need.memory_bytes else found


def place(processes: int, need: Size, free: Mapping[str, Size], held: Mapping[str, int]) -> dict[str, int]:
    """Spread the processes of one service over nodes.

    What a node holds stays there while the node is there and has room for it. What is missing goes, one by one, to the
    node that holds fewest of the service, of several such to the one with most room. What is too much is taken from
    the node that holds most. And a service of two or more is not left on one node when another has room: a node that
    is lost must not silence it.

    Args:
        processes: How many there should be.
        need: Of each.
        free: What each node that can be used has for this service, what it holds of it counted as free.
        held: How many each node holds; nodes that are not in `free` are lost.

    Returns:
        How many each node is to hold, at least one; in all no more than `processes`, fewer where there is no room.
    """
    most = {node: room.holds(need) for node, room in free.items()}
    found = {node: min(count, most[node]) for node, count in held.items() if node in most}
    found = {node: count for node, count in found.items() if count > 0}

    def fewest(nodes: Iterable[str]) -> str:
        return min(nodes, key=lambda node: (found.get(node, 0), found.get(node, 0) - most[node], node))

    def fill() -> None:
        able = {node for node in most if found.get(node, 0) < most[node]}
        for _ in range(processes - sum(found.values())):
            if not able:
                return
            chosen = fewest(able)
            found[chosen] = found.get(chosen, 0) + 1
            if found[chosen] == most[chosen]:
                able.discard(chosen)

    for _ in range(sum(found.values()) - processes):
        fullest = max(found, key=lambda node: (found[node], node))
        found[fullest] -= 1
        if not found[fullest]:
            del found[fullest]
    fill()
    if len(found) == 1 and sum(found.values()) > 1:
        ((alone, count),) = found.items()
        others = sum(room for node, room in most.items() if node != alone)
        found[alone] = count - min(others, count // 2)
        kept, most[alone] = most[alone], found[alone]  # what was taken from it does not come back to it
        fill()
        most[alone] = kept
    return found


def nodes_to_add(missing: Iterable[tuple[int, Size]], node: Size) -> int:
    """How many more nodes of a size would have room for processes that have none.

    Args:
        missing: How many processes of which size; those that no such node has room for ask for none.
        node: What a fresh node has.
    """
    rooms: list[Size] = []
    for count, need in missing:
        if not node.holds(need):
            continue
        left = count
        for number, room in enumerate(rooms):
            taken = min(left, room.holds(need))
            rooms[number] = room.minus(need.times(taken))
            left -= taken
        each = node.holds(need)
        while left:
            taken = min(left, each)
            rooms.append(node.minus(need.times(taken)))
            left -= taken
    return len(rooms)
