"""Tokens: the owner's, the nodes' and the runs' own, and the cookies and tickets of browsers.

All but the owner's are signed with the server's key and kept nowhere: nothing in the records gives access.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from amlet.base.clock import Clock
from amlet.base.errors import StorageFailed
from amlet.wire.routes import NODE, OWNER, RUN

BROWSER_S = 30 * 24 * 3600
TICKET_S = 600


class Principal(NamedTuple):
    """Who asks."""

    kind: str
    workspace_id: str = ""
    run_id: str = ""
    attempt: int = 0
    node: str = ""
    by_cookie: bool = False


class Tokens:
    """Mints and verifies tokens. Safe from any thread."""

    def __init__(self, key: bytes, owner: str, clock: Clock) -> None:
        self._key = key
        self.owner = owner
        self._clock = clock
        self._used_tickets: dict[str, float] = {}

    def for_run(self, workspace_id: str, run_id: str, attempt: int) -> str:
        """A token for one attempt; whether the attempt still counts is looked up at each use."""
        return self._sign([RUN, workspace_id, run_id, attempt])

    def for_node(self, name: str) -> str:
        """A token for a worker."""
        return self._sign([NODE, name])

    def for_browser(self) -> str:
        """A cookie's value: the owner's rights for some weeks, without the owner's token."""
        return self._sign(["browser", int(self._clock.now().timestamp()) + BROWSER_S])

    def ticket(self) -> str:
        """A single-use code that a browser swaps for a cookie."""
        return self._sign(["ticket", int(self._clock.now().timestamp()) + TICKET_S, secrets.token_hex(8)])

    def redeem(self, ticket: str) -> bool:
        """Whether the ticket is good. It is good once."""
        told = self._verify(ticket)
        now = self._clock.now().timestamp()
        if not told or told[0] != "ticket" or told[1] < now or ticket in self._used_tickets:
            return False
        self._used_tickets = {used: until for used, until in self._used_tickets.items() if until > now}
        self._used_tickets[ticket] = told[1]
        return True

    def principal(self, token: str) -> Principal | None:
        """Who bears this token; None for one that is not ours."""
        if hmac.compare_digest(token.encode("utf-8", "replace"), self.owner.encode()):
            return Principal(OWNER)
        told = self._verify(token)
        if told and told[0] == RUN and len(told) == 4:
            return Principal(RUN, told[1], told[2], told[3])
        if told and told[0] == NODE:
            return Principal(NODE, node=told[1])
        return None

    def browser(self, cookie: str) -> Principal | None:
        """Who bears this cookie."""
        told = self._verify(cookie)
        if told and told[0] == "browser" and told[1] > self._clock.now().timestamp():
            return Principal(OWNER, by_cookie=True)
        return None

    def _sign(self, content: list[str | int]) -> str:
        payload = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        return f"{payload}.{self._mac(payload)}"

    def _verify(self, token: str) -> list[Any] | None:
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(self._mac(payload).encode(), mac.encode("utf-8", "replace")):
            return None
        try:
            told: list[Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            return None
        return told

    def _mac(self, payload: str) -> str:
        digest = hmac.new(self._key, payload.encode("utf-8", "replace"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def server_key(path: Path) -> bytes:
    """The server's key: AMLET_SECRET_KEY, else a file for the owner's eyes, made once."""
    given = os.environ.get("AMLET_SECRET_KEY")
    if given:
        return hashlib.sha256(given.encode()).digest()
    try:
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise StorageFailed.from_os_error(error, path) from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
