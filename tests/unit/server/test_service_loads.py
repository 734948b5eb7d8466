"""What services have answered: summed over their nodes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from amlet.domain.service import ReplicaLoad
from amlet.server.service_loads import FRESH, ServiceLoads
from amlet.wire.nodes import ReplicaState, SyncReplicas

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def _tell(loads: ServiceLoads, node: str, load: ReplicaLoad, *, revision: int = 1, when: datetime = NOW) -> None:
    held = ReplicaState("w", "s", revision, "Healthy", 1, load=load)
    loads.take_in(SyncReplicas(node, [held], -1), when)


def test_counts_of_all_nodes_are_one() -> None:
    loads = ServiceLoads()
    assert loads.of("w", "s", "", 1) is None
    _tell(loads, "a", ReplicaLoad(3, 1, 0.5, 2, 1, [1, 2], [3, 0]))
    _tell(loads, "b", ReplicaLoad(4, 0, 0.25, 1, 1, [0, 4], [1, 1]))
    told = loads.of("w", "s", "", 1)
    assert told is not None and told.load == ReplicaLoad(7, 1, 0.75, 3, 2, [1, 6], [4, 1])
    _tell(loads, "b", ReplicaLoad(1, 0, 0.0, 0), revision=2)
    told = loads.of("w", "s", "", 2)
    assert told is not None and told.load.requests == 1
    told = loads.of("w", "s", "", 1)
    assert told is not None and told.load.requests == 3


def test_what_a_node_answered_stays_counted_but_nothing_waits_on_one_that_is_gone() -> None:
    loads = ServiceLoads()
    _tell(loads, "a", ReplicaLoad(3, 0, 0.5, 2, 1))
    _tell(loads, "b", ReplicaLoad(4, 0, 0.5, 5, 1), when=NOW + FRESH + timedelta(seconds=1))
    told = loads.of("w", "s", "", 1)
    assert told is not None and (told.load.requests, told.load.waiting, told.load.working) == (7, 5, 1)
