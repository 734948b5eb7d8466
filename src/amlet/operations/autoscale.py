"""How many processes services over several nodes should have, by what all of their nodes tell of the load."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from amlet.domain.replica_scaling import Look, Scaling
from amlet.domain.service import ReplicaLoad, Service
from amlet.store.base import Transaction

LoadOf = Callable[[Service], "ReplicaLoad | None"]
"""What the processes of a service's present revision did, summed over its nodes; None before any has told it."""


class _Followed(NamedTuple):
    scaling: Scaling
    looked_s: float


class Autoscaling:
    """Follows the load of each service. Called by one thread; what it knows begins anew with the server."""

    def __init__(self, load_of: LoadOf, monotonic: Callable[[], float]) -> None:
        self._load_of = load_of
        self._monotonic = monotonic
        self._followed: dict[tuple[str, str, str, int], _Followed] = {}

    def pass_over(self, tx: Transaction) -> None:
        """Note for each service how many processes it should have now; nodes are found for them after that."""
        found = {}
        for record in tx.services.list():
            service, scale = record.service, record.service.deployment.autoscale
            if record.pool is None or scale is None:
                continue
            key = (service.workspace_id, service.name, service.version, service.revision)
            held = self._followed.get(key)
            now_s = self._monotonic()
            if held is None:
                held = _Followed(Scaling(service.deployment.max_concurrent or 1), now_s)
            load = self._load_of(service) if record.is_proven else None
            if load is not None and now_s - held.looked_s >= scale.refresh_s:
                look = Look(now_s, service.processes, load.busy_s, load.working, load.waiting)
                wanted = held.scaling.decide(scale, look)
                if wanted != record.processes:
                    tx.services.save(record._replace(wanted=wanted))
                held = held._replace(looked_s=now_s)
            found[key] = held
        self._followed = found
