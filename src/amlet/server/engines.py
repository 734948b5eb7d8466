"""Composes the engines of a server: who starts and ends the nodes of which kind of target."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from amlet.base.errors import NotFound
from amlet.base.paths import Home
from amlet.compute.base import Engine
from amlet.compute.engines import Engines
from amlet.compute.local import LocalEngine
from amlet.compute.ray import RayEngine
from amlet.compute.ssh import SshEngine
from amlet.compute.ssh_program import Access
from amlet.domain.compute import LOCAL_ENGINE, RAY_ENGINE, SSH_ENGINE, Node, parts_of, pool_of
from amlet.operations.provision import credentials_of, find_compute
from amlet.server.parcels import Parcels
from amlet.server.secrets import Secrets
from amlet.store.base import Records, Transaction

_HERE = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::1": "::1", "::": "::1"}  # noqa: S104
"""Hosts of a server's address that mean this machine, and where the server listens then."""


def compose_engines(
    home: Home,
    key: bytes,
    url: str,
    records: Records,
    secrets: Secrets,
    parcels: Parcels,
    variables: Callable[[Node], Mapping[str, str]],
    ray_address: str | None = None,
) -> Engines:
    """The engines of a server at this address.

    Args:
        key: The server's, which its name on other machines is made of.
        variables: Those that tell a node its server, name and token.
        ray_address: Of the cluster of Ray's that this server has, if any.
    """

    def kind_of(node: Node) -> str:
        if parts_of(node.pool) is not None:
            return LOCAL_ENGINE
        workspace_id, _, name = node.pool.partition("/")
        return records.read(lambda tx: find_compute(tx, workspace_id, name)).engine

    def access(node: Node) -> Access:
        workspace_id, _, name = node.pool.partition("/")

        def look(tx: Transaction) -> Access:
            target = find_compute(tx, workspace_id, name)
            if target.remote is None:
                raise NotFound(f'Compute target "{name}" is no machine that is reached over SSH.')
            return Access(target.remote, credentials_of(tx, target, secrets.open))

        return records.read(look)

    found: dict[str, Engine] = {
        LOCAL_ENGINE: LocalEngine(home.nodes, variables),
        SSH_ENGINE: SshEngine(home.ssh, identity(key), access, variables, parcels.made, server=by_link(url)),
    }
    if ray_address is not None:

        def least() -> dict[str, int]:
            targets = [target for target in records.read(lambda tx: tx.computes.list()) if target.engine == RAY_ENGINE]
            return {pool_of(target.workspace_id, target.name): target.scale.min_nodes for target in targets}

        found[RAY_ENGINE] = RayEngine(ray_address, identity(key), home.ray, variables, parcels.made, least)
    return Engines(found, kind_of)


def identity(key: bytes) -> str:
    """What this server is called on machines where nodes of other servers may stand too."""
    return hmac.new(key, b"amlet: name of this server", hashlib.sha256).hexdigest()[:12]


def by_link(url: str) -> tuple[str, int] | None:
    """Where on this machine a link from another must lead; None for an address that is good there too."""
    parts = urlsplit(url)
    host = _HERE.get(parts.hostname or "")
    return (host, parts.port or 80) if host is not None else None
