"""Start the server: one a home, its port kept, its address and token told in a file for the owner alone."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from amlet.base.clock import to_iso
from amlet.base.errors import AmletError, Conflict, InvalidInput, StorageFailed
from amlet.base.paths import Home, owner_only
from amlet.base.version import __version__
from amlet.environments import uv_program
from amlet.operations.sweeper import Sweeper
from amlet.server.application import make_application
from amlet.server.background import Background
from amlet.server.context import Parts
from amlet.server.settings import Settings
from amlet.server.sweeping import Sweeping, finds_optuna
from amlet.server.tokens import write_private
from amlet.server.wiring import compose
from amlet.sweeps.model_based import ModelBased
from amlet.wire.server import PROTOCOL

NETWORK_FILE_SYSTEMS = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "lustre",
    "beegfs",
    "gpfs",
    "fuse.sshfs",
    "fuse.glusterfs",
    "ceph",
)
NODES_GRACE_S = 10.0


class Known(NamedTuple):
    """What an earlier server of this home left: the port and the token are kept."""

    port: int | None
    token: str | None


def serve(
    home: Home,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    behind_tls: bool = False,
    given: Mapping[str, str | None] | None = None,
) -> None:
    """Run the server until it is told to end.

    Args:
        host: Anything but loopback needs `behind_tls`: tokens must not travel in clear.
        port: None keeps the port of before, else any free one.
        given: Settings that go before those of the file and of the variables.

    Raises:
        Conflict: if this home has a server already, or the port asked for is taken.
        InvalidInput: for a public address without TLS in front, or a home on a network file system.
    """
    if host not in ("127.0.0.1", "localhost", "::1") and not behind_tls:
        raise InvalidInput(
            f"Listening on {host} would send tokens in clear over the network.",
            hint="put a proxy that speaks TLS in front and add --behind-tls, or keep to 127.0.0.1.",
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        _close_to_others(home)
        os.environ["AMLET_HOME"] = str(home.root)  # what this process starts can be told by it
        refuse_network_disk(home.root)
        with _only_one(home):
            known = _known(home)
            settings = Settings.load(home, given)
            listening = _listen(host, port, known.port)
            if settings.offline_environments:
                os.environ["UV_OFFLINE"] = "1"  # uv's own variable: nodes, which build too, inherit it
            url = f"http://{'127.0.0.1' if host == 'localhost' else host}:{listening.getsockname()[1]}"
            token = os.environ.get("AMLET_OWNER_TOKEN") or known.token or secrets.token_urlsafe(32)
            asyncio.run(_run(home, listening, settings.public_url or url, token, settings))
    except OSError as error:
        raise StorageFailed.from_os_error(error, home.root) from error


def _close_to_others(home: Home) -> None:
    """Make the home; one that was there already, and the log that a shell's redirection made, may be open to others."""
    owner_only(home.root).chmod(0o700)
    with contextlib.suppress(FileNotFoundError):
        home.server_log.chmod(0o600)


async def _run(home: Home, listening: socket.socket, url: str, token: str, settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    parts: Parts | None = None

    def stop() -> None:
        def ask() -> None:
            server.should_exit = True
            if parts is not None:
                parts.topics.close()

        loop.call_soon_threadsafe(ask)

    uv_program.end_left_over(str(home.root))
    parts = compose(home, url, token, stop, settings)
    background = Background(parts, settings.idle_end_s)
    model = ModelBased(home.sweeps, finds_optuna(parts.environments))
    sweeping = Sweeping(parts, Sweeper(parts.records, parts.logs, model, parts.ready))

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        parts.topics.bind(loop)
        told = {
            "url": url,
            "port": listening.getsockname()[1],
            "token": token,
            "pid": os.getpid(),
            "version": __version__,
            "protocol": PROTOCOL,
            "started": to_iso(parts.lifetime.started),
        }
        write_private(home.server_file, json.dumps(told))
        background.start()
        sweeping.start()
        yield

    config = uvicorn.Config(
        make_application(parts, lifespan),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    server = _Server(config, parts)
    # uvicorn raises the signal that ended it once more when it is done; by default that would end this process here,
    # before its end was put in order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
    try:
        await server.serve(sockets=[listening])
    finally:
        await loop.run_in_executor(None, _close, home, parts, background, sweeping)


class _Server(uvicorn.Server):
    """Also lets waiting calls go when a signal ends it."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._parts.topics.close()
        await super().shutdown(sockets)


def _close(home: Home, parts: Parts, background: Background, sweeping: Sweeping) -> None:
    sweeping.end()
    background.end()
    parts.preparer.close()
    uv_program.end_left_over(str(home.root), own=True)
    if parts.lifetime.ends_nodes:
        # Clients that still wait would start a server again in place of one that crashed; this one was stopped.
        home.server_file.replace(home.server_last)
        parts.engine.close(grace_s=NODES_GRACE_S)
    parts.reading.shutdown(wait=False, cancel_futures=True)
    parts.records.close()


@contextlib.contextmanager
def _only_one(home: Home) -> Iterator[None]:
    with os.fdopen(os.open(home.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"A server for {home.root} is running already.", hint="`amlet server status` tells its address."
            ) from error
        yield


def _known(home: Home) -> Known:
    kept = home.server_file if home.server_file.exists() else home.server_last
    try:
        told = json.loads(kept.read_text())
        # Behind a proxy the address that clients use has a port of its own.
        return Known(int(told.get("port") or urlsplit(told["url"]).port or 0), str(told["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Known(None, None)


def _listen(host: str, asked: int | None, before: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in [asked] if asked else [before or 0, 0]:
        # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits 40 ms for an ACK.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            if asked:
                raise Conflict(
                    f"Port {asked} is in use: {error.strerror}.", hint="choose another with --port."
                ) from error
            continue
        listening.listen(2048)
        listening.setblocking(False)
        return listening
    raise Conflict(f"No free port on {host}.")


def refuse_network_disk(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """SQLite's files and our locks need a disk of this machine's own.

    Raises:
        InvalidInput: naming the file system.
    """
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return
    place = str(path.resolve())
    under = [
        (line[1], line[2]) for line in lines if len(line) > 2 and (place + "/").startswith(line[1].rstrip("/") + "/")
    ]
    kind = max(under, key=lambda item: len(item[0]))[1] if under else ""
    if kind in NETWORK_FILE_SYSTEMS:
        raise InvalidInput(
            f"{path} lies on a network file system ({kind}), where the server's records would not be safe.",
            hint="set AMLET_HOME to a folder on a local disk.",
        )


def main() -> int:
    """`python -m amlet.server`: what a client starts by itself."""
    try:
        serve(Home.find())
    except AmletError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
