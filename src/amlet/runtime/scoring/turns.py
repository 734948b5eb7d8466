"""Where a router's requests go: the versions behind it, where each answers, and whose turn it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from amlet.runtime.attempt import write_json

ROUTES_FILE = "routes.json"

Place = Tuple[str, int]
"""A host and a port."""


class Route(NamedTuple):
    """One place where a version answers."""

    version: str
    """Empty for a service without versions."""
    port: int
    percent: int
    """Of the requests, for the version: the same in all of its routes."""
    host: str = "127.0.0.1"
    processes: int = 1
    """How many answer there."""
    secret: str = ""
    """What opens a place on another machine to the router alone."""

    @property
    def place(self) -> Place:
        return self.host, self.port


class Routes(NamedTuple):
    """All that a router is told."""

    number: int
    """Told back once requests go by them."""
    routes: List[Route]

    def write(self, folder: Path) -> None:
        """Change where a router's requests go. It takes it in within a moment."""
        write_json(folder / ROUTES_FILE, [self.number, [list(route) for route in self.routes]])

    @classmethod
    def read(cls, folder: Path) -> Routes:
        """
        Raises:
            OSError, ValueError: there are none yet.
        """
        number, routes = json.loads((folder / ROUTES_FILE).read_bytes())
        return cls(number, [Route(*one) for one in routes])


class Turns:
    """Whose turn it is: of any hundred requests in a row each version gets as many as its share says."""

    def __init__(self, routes: List[Route]) -> None:
        self._routes: Dict[str, List[Route]] = {}
        for route in routes:
            self._routes.setdefault(route.version, []).append(route)
        self._credit = dict.fromkeys(self._routes, 0)

    def next(self) -> Optional[str]:
        """The version for the next request; None when no version has a share."""
        shares = {version: routes[0].percent for version, routes in self._routes.items() if routes[0].percent > 0}
        if not shares:
            return None
        for version, percent in shares.items():
            self._credit[version] += percent
        chosen = max(shares, key=lambda version: self._credit[version])
        self._credit[chosen] -= sum(shares.values())
        return chosen

    def of(self, version: str) -> List[Route]:
        """Where a version answers."""
        return self._routes.get(version, [])

    @property
    def places(self) -> List[Place]:
        """Where any version answers."""
        return [route.place for routes in self._routes.values() for route in routes]

    @property
    def routes(self) -> List[Route]:
        return [route for routes in self._routes.values() for route in routes]
