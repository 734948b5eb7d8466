"""The process that holds Ray: `python -m amlet.compute.ray_child`, a child of the server's.

When the head of its cluster is lost Ray ends the process that holds it, without an exception; and its calls may hang.
So it is a process that may end at any time and knows nothing that counts. It reads a request a line and answers a line:
`{"call": name, ...}`, then `{"answer": ...}` or `{"error": text}`. The first line names the cluster; the end of its
input ends it.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources

from amlet.base.answering import answer_calls
from amlet.compute import ray_actor

NAMESPACE = "amlet"
END_S = 1.0
"""For an actor to take up the word that it shall end; one that has no machine yet does not."""


class Cluster:
    """A cluster of Ray's, as this server sees it: the actors whose names begin with its prefix."""

    def __init__(self, address: str, prefix: str) -> None:
        ray.cloudpickle.register_pickle_by_value(ray_actor)
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
        self._prefix = prefix
        self._actor = ray.remote(ray_actor.NodeKeeper)
        self._ready: dict[str, Any] = {}

    def look(self) -> dict[str, Any]:
        """Which nodes have an actor, with a machine or waiting for one; which could not start, and why; what of our
        resources the cluster has, and what of it is free.
        """
        failed: dict[str, str] = {}
        for name, ref in list(self._ready.items()):
            if ray.wait([ref], timeout=0)[0]:
                del self._ready[name]
                try:
                    ray.get(ref)
                except ray.exceptions.RayError as error:
                    failed[name] = _last_words(error)
        placed = self.names()
        return {
            "names": placed,
            "waiting": [name for name in self._ready if name in placed],
            "failed": failed,
            "total": _ours(ray.cluster_resources()),
            "free": _ours(ray.available_resources()),
        }

    def start(self, name: str, resources: dict[str, float], gpus: int, asked: dict[str, Any]) -> None:
        """Make the node's actor, which Ray places as soon as it has a machine. One that is there is left alone."""
        if name in self.names():
            return
        keeper = self._actor.options(
            name=self._prefix + name,
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            max_restarts=0,
            num_cpus=0,
            num_gpus=gpus,
            resources=resources,
        ).remote(asked)
        self._ready[name] = keeper.ready.remote()

    def stop(self, name: str) -> None:
        """Ask a node to end."""
        with contextlib.suppress(ValueError, ray.exceptions.RayError):  # it is not there, or ends meanwhile
            keeper = ray.get_actor(self._prefix + name, namespace=NAMESPACE)
            self._ready.pop(name, None)
            if not ray.wait([keeper.end.remote()], timeout=END_S)[0]:
                ray.kill(keeper, no_restart=True)

    def hold(self, bundles: list[dict[str, float]]) -> None:
        """Ask the autoscaler to keep machines for these at least, also when nobody is connected."""
        request_resources(bundles=bundles)

    def end(self, grace_s: float) -> None:
        """End every node, by force after the grace time."""
        self.hold([])
        keepers = []
        for name in self.names():
            with contextlib.suppress(ValueError):
                keepers.append(ray.get_actor(self._prefix + name, namespace=NAMESPACE))
        told = {keeper.end.remote(): keeper for keeper in keepers}
        if told:
            for ref in ray.wait(list(told), num_returns=len(told), timeout=END_S)[1]:
                ray.kill(told[ref], no_restart=True)  # it has no machine yet
        deadline = time.monotonic() + grace_s
        while self.names() and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.names():
            for keeper in keepers:
                with contextlib.suppress(ray.exceptions.RayError):
                    ray.kill(keeper, no_restart=True)

    def names(self) -> list[str]:
        """The nodes that have an actor, also one that waits for a machine."""
        found = ray.util.list_named_actors()
        return sorted(name[len(self._prefix) :] for name in found if name.startswith(self._prefix))


def _ours(resources: dict[str, float]) -> dict[str, float]:
    return {name: count for name, count in resources.items() if name.startswith("amlet_")}


def _last_words(error: Exception) -> str:
    """What an actor raised, without the traceback that Ray puts before it."""
    return str(error).rpartition("RuntimeError: ")[2].strip()[:1000]


def main() -> None:
    """Serve requests until the input ends."""
    cluster: Cluster | None = None

    def connect(address: str, prefix: str) -> None:
        nonlocal cluster
        cluster = Cluster(address, prefix)

    answer_calls(lambda name: connect if cluster is None else getattr(cluster, name))


if __name__ == "__main__":
    main()
