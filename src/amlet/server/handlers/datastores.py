"""Datastores, and the files on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from starlette.responses import Response, StreamingResponse

from amlet.base.errors import AmletError, Conflict, InvalidInput
from amlet.base.paths import relative_path
from amlet.datastores.base import FileStore, Reading
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.data import Datastore, clean_path
from amlet.operations import datastores as operations
from amlet.operations.datastores import Opened
from amlet.operations.submit import check_entries
from amlet.server.context import Call, Handler, Parts
from amlet.server.streams import CHUNK_BYTES, raw_answer
from amlet.store.base import Transaction
from amlet.wire.data import LINES, Datastores, DatastoreState, PutDataAnswer, PutDataFiles, file_line
from amlet.wire.server import Done

LINES_AT_ONCE = 1_000
PATH_PATTERN_LIMIT = 5_000

MOST_WAIT_S = 30.0
PARALLEL = 4
"""How many small files are written to a datastore at a time, of a request."""

LARGE_BYTES = 4 << 20


async def create(call: Call) -> DatastoreState:
    parts, name, asked = call.parts, call.path["name"], call.body
    operations.check_datastore(name, asked)
    await parts.read(lambda tx: operations.check_name(tx, call.workspace_id, name, overwrite=asked.overwrite))
    tried = Opened(
        Datastore(call.workspace_id, name, asked.kind, asked.settings, "", parts.now()), dict(asked.credentials)
    )
    if not asked.skip_validation:
        await parts.threaded(lambda: parts.stores.check(tried, create=asked.create_if_not_exists))
    made = await parts.write(
        lambda tx: operations.create_datastore(tx, call.workspace_id, name, asked, parts.now(), seal=parts.secrets.seal)
    )
    return await _state(parts, made)


async def get(call: Call) -> DatastoreState:
    found = await call.parts.read(lambda tx: operations.find_datastore(tx, call.workspace_id, call.path["name"]))
    return await _state(call.parts, found)


async def list_all(call: Call) -> Datastores:
    def look(tx: Transaction) -> Datastores:
        tx.workspaces.get(call.workspace_id)
        return Datastores(tx.datastores.list(call.workspace_id))

    return await call.parts.read(look)


async def delete(call: Call) -> Done:
    await call.parts.write(lambda tx: operations.unregister(tx, call.workspace_id, call.path["name"]))
    return Done()


async def set_default(call: Call) -> Done:
    await call.parts.write(lambda tx: operations.set_default(tx, call.workspace_id, call.path["name"]))
    return Done()


async def files(call: Call) -> Response:
    pattern = clean_path(call.query.pattern)
    if len(pattern) > PATH_PATTERN_LIMIT or ".." in pattern.split("/"):
        raise InvalidInput(f"{pattern[:200]!r} names no files of a datastore.")
    store = call.parts.stores.files(await _opened(call))
    found = map(file_line, store.list(pattern))
    return await _lines_response(call.parts, found)


async def file(call: Call) -> Response:
    path = relative_path(clean_path(call.query.path))
    store = call.parts.stores.files(await _opened(call))
    offset = max(0, call.query.offset)
    opened = await call.parts.threaded(lambda: store.open(path, offset))
    if call.query.version not in ("", opened.version):
        opened.stream.close()
        raise Conflict(
            f"{path!r} on datastore {call.path['name']!r} was changed meanwhile.",
            hint="ask for it again: list it anew.",
        )
    left = max(0, opened.total_bytes - offset)
    return raw_answer(_pieces(call.parts, opened.stream), opened.total_bytes, left, opened.version)


async def put_files(call: Call) -> PutDataAnswer:
    parts, asked = call.parts, call.body
    faults = check_entries(asked.entries)
    if faults:
        raise InvalidInput.of(faults, subject="the files")
    store = parts.stores.files(await _opened(call))
    key = (call.workspace_id, call.path["name"], asked.request_id or object())
    answer = await parts.bringing.ask(
        key, lambda: _brought(parts, store, asked), wait_s=max(0.0, min(asked.wait_s, MOST_WAIT_S))
    )
    if answer is None:
        return PutDataAnswer([], is_pending=True)
    if answer.missing:
        parts.bringing.forget(key)
    return answer


async def _brought(parts: Parts, store: FileStore, asked: PutDataFiles) -> PutDataAnswer:
    there: set[str] = set()

    async def look(path: str) -> None:
        if await parts.threaded(lambda: store.stat(path)):
            there.add(path)

    if not asked.overwrite:
        await _at_a_time(PARALLEL, [partial(look, entry.path) for entry in asked.entries])
    skipped = [entry.path for entry in asked.entries if entry.path in there]
    wanted = [entry for entry in asked.entries if entry.path not in there]
    hashes = [entry.sha256 for entry in wanted]
    missing = await parts.read(lambda tx: tx.blobs.missing(hashes))
    if missing:
        return PutDataAnswer(missing)
    located = await parts.read(lambda tx: tx.blobs.locate(hashes))

    async def bring(entry: Entry) -> None:
        await parts.threaded(partial(_write, parts, store, entry.path, located[entry.sha256]))

    # A large file is sent in parts side by side already.
    large = [entry for entry in wanted if entry.size_bytes >= LARGE_BYTES]
    await _at_a_time(PARALLEL, [partial(bring, entry) for entry in wanted if entry.size_bytes < LARGE_BYTES])
    await _at_a_time(1, [partial(bring, entry) for entry in large])
    return PutDataAnswer([], skipped)


async def _at_a_time(count: int, calls: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Make all calls, so many at a time. The first error ends it: what has not begun is left."""
    left = iter(calls)

    async def go() -> None:
        for call in left:
            await call()

    tasks = [asyncio.create_task(go()) for _ in range(min(count, len(calls)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def query(call: Call) -> Response:
    asked = call.body
    database = call.parts.stores.database(await _opened(call))
    rows = database.query(asked.query, timeout_s=max(1.0, min(asked.timeout_s, 3600.0)), limit=asked.limit)
    return await _lines_response(call.parts, (json.dumps(row).encode() + b"\n" for row in rows))


def _write(parts: Parts, store: FileStore, path: str, location: BlobLocation) -> None:
    with parts.blobs.open(location) as stream:
        store.write(path, stream, location.size_bytes)


async def _opened(call: Call) -> Opened:
    parts = call.parts
    return await parts.read(
        lambda tx: operations.open_datastore(tx, call.workspace_id, call.path["name"], parts.secrets.open)
    )


async def _state(parts: Parts, found: Datastore) -> DatastoreState:
    return DatastoreState(found, await parts.threaded(lambda: parts.stores.place(found)))


async def _lines_response(parts: Parts, lines: Iterator[bytes]) -> Response:
    """Lines as they are made. What fails before the first is told as any error, what fails later as a last line."""
    take: Callable[[], bytes] = lambda: b"".join(islice(lines, LINES_AT_ONCE))  # noqa: E731
    first = await parts.threaded(take)

    async def body() -> AsyncIterator[bytes]:
        piece = first
        try:
            while piece:
                yield piece
                piece = await parts.threaded(take)
        except AmletError as error:
            yield json.dumps({"error": error.message, "hint": error.hint}).encode() + b"\n"

    return StreamingResponse(body(), media_type=LINES)


async def _pieces(parts: Parts, stream: Reading) -> AsyncIterator[bytes]:
    try:
        while chunk := await parts.threaded(lambda: stream.read(CHUNK_BYTES)):
            yield chunk
    finally:
        stream.close()


HANDLERS: dict[str, Handler] = {
    "datastores.create": create,
    "datastores.get": get,
    "datastores.list": list_all,
    "datastores.delete": delete,
    "datastores.set_default": set_default,
    "datastores.files": files,
    "datastores.file": file,
    "datastores.put_files": put_files,
    "datastores.query": query,
}
