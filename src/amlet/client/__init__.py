"""Talking to an amlet server: the connection, the local server's start, uploads and snapshots.

Loads on first use (PEP 562): `import amlet.client` alone costs a job's start nothing that it may not need.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, whose import costs more than this whole module
if TYPE_CHECKING:
    from amlet.client.connection import Client
    from amlet.client.local_server import connect

__all__ = ["Client", "connect"]


def __getattr__(name: str) -> object:
    if name == "Client":
        from amlet.client.connection import Client

        return Client
    if name == "connect":
        from amlet.client.local_server import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
