"""Blobs: which are missing, and their bytes, one by one or in packs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from io import BytesIO

from starlette.responses import Response, StreamingResponse

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.artifact import PACK_LIMIT_BYTES, BlobLocation
from amlet.server.context import BrokenOff, Call, Handler
from amlet.server.streams import blob_response
from amlet.wire.files import Hashes, SizeAnswer
from amlet.wire.packs import MEMBERS_LIMIT, PackReader, write_pack
from amlet.wire.server import Done

BLOB_LIMIT_BYTES = 1 << 40
PIECE_BYTES = 1 << 20
PIECE_S = 1.0
PACK_BODY_LIMIT_BYTES = 256 << 20
PACK_FLUSH_BYTES = 32 << 20


async def missing(call: Call) -> Hashes:
    return Hashes(await call.parts.read(lambda tx: tx.blobs.missing(call.body.sha256)))


async def begun(call: Call) -> SizeAnswer:
    parts, sha256 = call.parts, call.path["sha256"]

    async def look(*, take_over: bool = False) -> int | None:
        located = (await parts.read(lambda tx: tx.blobs.locate([sha256]))).get(sha256)
        if located is not None:
            return located.size_bytes
        found = await parts.threaded(partial(parts.blobs.begun, sha256, take_over=take_over))
        return found.size_bytes if take_over or not found.is_growing else None

    size = await parts.topics.until(_topic(sha256), look, call.query.wait_s)
    # Whoever sends it now, and went silent, may be an earlier connection of the one who asks.
    return SizeAnswer(size if size is not None else await look(take_over=True) or 0)


async def put(call: Call) -> Done:
    parts, sha256 = call.parts, call.path["sha256"]
    writer = parts.blobs.writer(sha256, BLOB_LIMIT_BYTES, call.query.offset)
    arriving = _ReadAhead(_pieces(call.chunks(BLOB_LIMIT_BYTES)))
    try:
        if not await parts.read(lambda tx: tx.blobs.missing([sha256])):
            return Done()
        async for piece in arriving:
            await parts.threaded(partial(writer.write, piece))
        location = await parts.threaded(writer.commit)
        await parts.write(lambda tx: tx.blobs.add([location]))
    except (BrokenOff, asyncio.CancelledError):
        if _whole_size(call) >= PACK_LIMIT_BYTES:
            await parts.threaded(writer.leave)
        raise
    finally:
        await arriving.close()
        await parts.threaded(writer.abort)
        parts.topics.publish([_topic(sha256)])
    return Done()


def _topic(sha256: str) -> str:
    return f"blob/{sha256}"


def _whole_size(call: Call) -> int:
    """What the blob was said to have; 0 for a body in chunks, which says nothing."""
    told = call.request.headers.get("content-length", "")
    return call.query.offset + int(told) if told.isdecimal() and len(told) < 20 else 0


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Chunks gathered, so that the way to a thread is not made for every 64 KiB that the network brings.

    What came before the connection broke is given before that is told, and what comes slowly is not held for long.
    """
    held: list[bytes] = []
    held_bytes, began = 0, 0.0
    try:
        async for chunk in chunks:
            began = began if held else time.monotonic()
            held.append(chunk)
            held_bytes += len(chunk)
            if held_bytes >= PIECE_BYTES or time.monotonic() - began > PIECE_S:
                yield b"".join(held)
                held, held_bytes = [], 0
    except BrokenOff:
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


class _ReadAhead:
    """Takes the next piece off the network while the one before is written.

    It begins at once: what the server has not taken when a connection breaks is lost.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self._next = asyncio.ensure_future(self._following())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._next) is not None:
            self._next = asyncio.ensure_future(self._following())
            yield piece

    async def close(self) -> None:
        """Read no more."""
        self._next.cancel()
        await asyncio.wait([self._next])
        if not self._next.cancelled():
            self._next.exception()  # it was told, or nobody asked
        await self._pieces.aclose()

    async def _following(self) -> bytes | None:
        return await anext(self._pieces, None)


async def put_pack(call: Call) -> Done:
    reader = PackReader()
    held: list[tuple[str, bytes]] = []
    held_bytes = 0
    async for chunk in call.chunks(PACK_BODY_LIMIT_BYTES):
        for sha256, data in reader.feed(chunk):
            held.append((sha256, data))
            held_bytes += len(data)
        if held_bytes >= PACK_FLUSH_BYTES:
            await _keep(call, held)
            held, held_bytes = [], 0
    reader.finish()
    if held:
        await _keep(call, held)
    return Done()


async def _keep(call: Call, members: list[tuple[str, bytes]]) -> None:
    lacking = set(await call.parts.read(lambda tx: tx.blobs.missing([sha256 for sha256, _ in members])))
    fresh = [(sha256, data) for sha256, data in members if sha256 in lacking]
    if fresh:
        locations = await call.parts.threaded(lambda: call.parts.blobs.write_pack(fresh))
        await call.parts.write(lambda tx: tx.blobs.add(locations))


async def get(call: Call) -> Response:
    (location,) = await _locate(call, [call.path["sha256"]])
    return await blob_response(call.parts, location, offset=0)


async def get_pack(call: Call) -> Response:
    locations = await _locate(call, call.body.sha256)
    large = [location.sha256 for location in locations if location.size_bytes > PACK_LIMIT_BYTES]
    if large or len(locations) > MEMBERS_LIMIT:
        raise InvalidInput(
            f"{len(locations):,} blobs, {len(large):,} of them over {PACK_LIMIT_BYTES:,} bytes, do not make a pack.",
            hint="fetch large blobs one by one, small ones in packs of up to 100,000.",
        )

    # Before the answer begins: a disk that fails can then be told by name. Whoever is cut off later asks for the rest.
    first = await call.parts.threaded(partial(call.parts.blobs.read, locations[0])) if locations else b""

    async def body() -> AsyncIterator[bytes]:
        for number, location in enumerate(locations):
            data = await call.parts.threaded(partial(call.parts.blobs.read, location)) if number else first
            for piece in write_pack([(location.sha256, location.size_bytes, partial(BytesIO, data))]):
                yield piece

    return StreamingResponse(body(), media_type="application/octet-stream")


async def _locate(call: Call, sha256: list[str]) -> list[BlobLocation]:
    found = await call.parts.read(lambda tx: tx.blobs.locate(sha256))
    for wanted in sha256:
        if wanted not in found:
            raise NotFound(f"There is no blob {wanted[:80]}.")
    return [found[wanted] for wanted in sha256]


HANDLERS: dict[str, Handler] = {
    "blobs.missing": missing,
    "blobs.begun": begun,
    "blobs.put": put,
    "blobs.put_pack": put_pack,
    "blobs.get": get,
    "blobs.get_pack": get_pack,
}
