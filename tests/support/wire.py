"""Plain HTTP, below our client: what a browser, another tool or an attacker may send."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from amlet.base.clock import SystemClock
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.server.tokens import Tokens, server_key
from amlet.wire.routes import Route
from amlet.wire.runs import SubmitRun
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer, until

USER_MANAGED = EnvironmentSpec("own-python", user_managed=True, interpreter=sys.executable)


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error that it tells, which must be one of ours: a code and a message, and no traceback."""
        told: dict[str, Any] = json.loads(self.body)["error"]
        assert told["code"] and told["message"], told
        assert "Traceback" not in self.body.decode(), told
        return told


class Wire:
    """One connection, kept alive, and opened again when the server closed it."""

    def __init__(self, server: RealServer) -> None:
        split = urlsplit(server.url)
        self.address = (str(split.hostname), int(split.port or 0))
        self.token = server.token
        self._connection = http.client.HTTPConnection(*self.address, timeout=30)

    def ask(
        self,
        method: str,
        target: str,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """Send one request.

        Args:
            token: The owner's when empty; None sends none.
            body: Bytes as they are, anything else as JSON.
        """
        sent = {**(headers or {})}
        if token is not None:
            sent["Authorization"] = "Bearer " + (token or self.token)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            answer = self._exchange(method, target, data, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            answer = self._exchange(method, target, data, sent)
        return Reply(answer.status, dict(answer.headers.items()), answer.read())

    def _exchange(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
                self._connection.request(method, target, data, headers)
            return self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise

    def raw(self, *parts: bytes, hang_up: bool = False) -> bytes:
        """Bytes on a connection of their own, and all that comes back.

        Args:
            hang_up: Close our side at once, in mid-request, instead of when an answer begins.
        """
        with closing(socket.create_connection(self.address, timeout=10)) as connection:
            # At once: a server that refuses the head and closes would reset what comes after it, its answer included.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(b"".join(parts))
            found = b"" if hang_up else connection.recv(65536)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                found += chunk
            return found

    def head(self, method: str, target: str, *lines: str) -> bytes:
        """The head of a request as bytes, with our host and the owner's token."""
        host = "{}:{}".format(*self.address)
        every = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {self.token}", *lines]
        return ("\r\n".join(every) + "\r\n\r\n").encode("latin-1")

    def close(self) -> None:
        self._connection.close()


def path_of(route: Route, **parameters: str) -> str:
    """The route's path, with `x` for parameters that are not given: a new route needs no word here."""
    return re.sub(r"{(\w+)}", lambda found: quote(parameters.get(found[1], "x"), safe=""), route.path)


def tokens_of(server: RealServer) -> Tokens:
    """What mints the server's own tokens: by its key, as the server does."""
    return Tokens(server_key(server.home.secret_key), server.token, SystemClock())


def workspace_of(server: RealServer, name: str) -> str:
    """The id of a workspace of that name."""
    return server.client().workspaces.ensure(EnsureWorkspace("sub", "group", name)).workspace.id


def submit(
    server: RealServer,
    workspace_id: str,
    script: str,
    *,
    experiment: str = "exp",
    arguments: Iterable[str] = (),
    **more: Any,
) -> Run:
    """Submit a script that this test's own Python runs."""
    client = server.client()
    data = script.encode()
    sha256 = sha256_bytes(data)
    client.blobs.put(workspace_id, sha256, data, len(data))
    job = Job(USER_MANAGED, "", script="main.py", arguments=[*arguments])
    asked = SubmitRun(
        experiment,
        job,
        [Entry("main.py", sha256, len(data))],
        "sub-" + sha256_bytes(repr(more).encode() + data)[:32],
        **more,
    )
    run = client.runs.submit(workspace_id, asked).run
    assert run is not None
    return run


def ended(server: RealServer, run: Run, *, seconds: float = 30.0) -> Run:
    """The run when it is over."""

    def look() -> Run | None:
        found = server.client().runs.get(run.workspace_id, run.id).run
        return found if found.is_over else None

    return until(look, seconds=seconds, what=f"the end of {run.id}")


def with_status(server: RealServer, run: Run, status: str) -> Run:
    """The run when it has that status."""

    def look() -> Run | None:
        found = server.client().runs.get(run.workspace_id, run.id).run
        assert found.status == status or not found.is_over, found
        return found if found.status == status else None

    return until(look, what=f"{run.id} being {status}")
