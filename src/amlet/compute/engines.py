"""Several engines as one: each node is the engine's of its target."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from amlet.compute.base import Engine
from amlet.domain.compute import Node

log = logging.getLogger("amlet.server")


class Engines:
    """Hands every call to the engine that it concerns."""

    def __init__(self, engines: Mapping[str, Engine], kind_of: Callable[[Node], str]) -> None:
        """
        Args:
            engines: By their words: see `ComputeTarget.engine`.
            kind_of: The word of a node's engine.
        """
        self._engines = engines
        self._kind_of = kind_of

    @property
    def kinds(self) -> frozenset[str]:
        """The words of the engines that are here."""
        return frozenset(self._engines)

    def names(self) -> set[str]:
        return {name for engine in self._engines.values() for name in engine.names()}

    def troubles(self) -> Mapping[str, str]:
        return {name: text for engine in self._engines.values() for name, text in engine.troubles().items()}

    def start(self, node: Node) -> None:
        engine = self._engines.get(self._kind_of(node))
        if engine is None:
            log.error("node %s: no engine of this server starts it", node.name)
            return
        engine.start(node)

    def stop(self, name: str) -> None:
        for engine in self._engines.values():
            engine.stop(name)

    def close(self, *, grace_s: float) -> None:
        closing = [
            threading.Thread(target=engine.close, kwargs={"grace_s": grace_s}) for engine in self._engines.values()
        ]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
