"""What every handler works with: the composed parts, and one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from amlet.artifacts.folder import BlobFolder
from amlet.artifacts.logs import LogFolder
from amlet.base.clock import Clock
from amlet.base.errors import InvalidInput, TooLarge
from amlet.base.units import human_bytes
from amlet.compute.base import Engine
from amlet.domain.environment import Lock
from amlet.domain.job import Share
from amlet.environments import Environments
from amlet.operations.prepare import Preparer
from amlet.operations.reconcile import Reconciler
from amlet.server.bringing import Bringing
from amlet.server.lifetime import Lifetime
from amlet.server.parcels import Parcels
from amlet.server.secrets import Secrets
from amlet.server.service_loads import ServiceLoads
from amlet.server.stores import Stores
from amlet.server.tokens import Principal, Tokens
from amlet.server.topics import Topics
from amlet.serving.inspection import Inspections
from amlet.store.base import Records, Transaction
from amlet.wire.data import PutDataAnswer

T = TypeVar("T")


class Parts(NamedTuple):
    """The server, composed."""

    records: Records
    blobs: BlobFolder
    logs: LogFolder
    environments: Environments
    preparer: Preparer
    reconciler: Reconciler
    engine: Engine
    engines: frozenset[str]
    """The kinds of targets that `engine` can start nodes of."""
    cluster_engine: str
    """Who starts the nodes of AmlCompute targets that are made now."""
    tokens: Tokens
    secrets: Secrets
    stores: Stores
    bringing: Bringing[PutDataAnswer]
    parcels: Parcels
    topics: Topics
    clock: Clock
    machine: Share
    url: str
    lifetime: Lifetime
    loads: ServiceLoads
    inspections: Inspections
    reading: ThreadPoolExecutor
    """Threads for reads and for file work: the event loop only moves bytes."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """One transaction on the writer; durable when it returns."""
        return await asyncio.wrap_future(self.records.write(work))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """A look at the records, off the event loop."""
        return await self.threaded(lambda: self.records.read(work))

    async def threaded(self, work: Callable[[], T]) -> T:
        """Blocking work, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.reading, work)

    def now(self) -> datetime:
        return self.clock.now()

    def ready(self, tx: Transaction) -> Callable[[str, bool], Lock | None]:
        """For submit: what a content resolved to before, if its build is at hand where this machine needs it."""

        def look(content_key: str, built_here: bool) -> Lock | None:
            kept, platform = self.environments.kept_by(content_key), self.environments.platform
            lock = tx.locks.resolved(kept, platform)
            if built_here:
                return lock if lock is not None and self.environments.find(lock) is not None else None
            if lock is None or lock.is_managed_by_user:
                return tx.locks.resolved(self.environments.kept_afar_by(content_key), platform)
            return lock

        return look


class Call(NamedTuple):
    """One request, decoded and authorised.

    `path` has the path's parameters; `body` and `query` are records of the route's types, None where it has none.
    """

    parts: Parts
    principal: Principal
    path: dict[str, str]
    body: Any
    query: Any
    request: Request

    @property
    def workspace_id(self) -> str:
        return self.path["workspace_id"]

    @property
    def run_id(self) -> str:
        return self.path["run_id"]

    async def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """The raw body, cut off with TooLarge beyond the limit."""
        async for chunk in chunks_within(self.request, limit_bytes, hint="send it in smaller pieces."):
            yield chunk

    async def raw(self, limit_bytes: int) -> bytes:
        """The whole raw body."""
        return b"".join([chunk async for chunk in self.chunks(limit_bytes)])


class BrokenOff(InvalidInput):
    """The connection broke before the body's end."""


async def chunks_within(request: Request, limit_bytes: int, *, hint: str) -> AsyncIterator[bytes]:
    """A body as it comes. One that says it is over the limit is refused before its first byte is read.

    Raises:
        TooLarge: beyond the limit.
        BrokenOff: when the connection breaks before the body's end.
    """
    told = request.headers.get("content-length", "")
    taken = int(told) if told.isdecimal() and len(told) < 20 else 0
    over = TooLarge(f"The body is over {human_bytes(limit_bytes)}.", hint=hint)
    if taken > limit_bytes:
        raise over
    taken = 0
    try:
        async for chunk in request.stream():
            taken += len(chunk)
            if taken > limit_bytes:
                raise over
            yield chunk
    except ClientDisconnect as error:
        raise BrokenOff("The body broke off before its end.") from error


Handler = Callable[[Call], Coroutine[Any, Any, Any]]
"""Answers a call with a record of the route's answer type, or a Response for a Raw one."""

__all__ = ["Call", "Handler", "Parts", "Response"]
