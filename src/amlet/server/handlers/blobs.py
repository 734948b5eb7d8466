"""Blobs: which are missing, and their bytes, one by one or in packs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from io import BytesIO

from starlette.responses import Response, StreamingResponse

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.artifact import PACK_LIMIT_BYTES, BlobLocation
from amlet.server.context import Call, Handler
from amlet.server.streams import blob_response
from amlet.wire.files import Hashes
from amlet.wire.packs import MEMBERS_LIMIT, PackReader, write_pack
from amlet.wire.server import Done

BLOB_LIMIT_BYTES = 1 << 40
PIECE_BYTES = 1 << 20
PACK_BODY_LIMIT_BYTES = 256 << 20
PACK_FLUSH_BYTES = 32 << 20


async def missing(call: Call) -> Hashes:
    return Hashes(await call.parts.read(lambda tx: tx.blobs.missing(call.body.sha256)))


async def put(call: Call) -> Done:
    sha256 = call.path["sha256"]
    if await call.parts.read(lambda tx: tx.blobs.missing([sha256])):
        writer = await call.parts.threaded(lambda: call.parts.blobs.writer(sha256, BLOB_LIMIT_BYTES))
        try:
            async for piece in _pieces(call.chunks(BLOB_LIMIT_BYTES)):
                await call.parts.threaded(partial(writer.write, piece))
            location = await call.parts.threaded(writer.commit)
        except BaseException:
            await call.parts.threaded(writer.abort)
            raise
        await call.parts.write(lambda tx: tx.blobs.add([location]))
    return Done()


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks gathered, so that the way to a thread is not made for every 64 KiB that the network brings."""
    held: list[bytes] = []
    held_bytes = 0
    async for chunk in chunks:
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes >= PIECE_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held:
        yield b"".join(held)


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
    "blobs.put": put,
    "blobs.put_pack": put_pack,
    "blobs.get": get,
    "blobs.get_pack": get_pack,
}
