"""Raw answers: the bytes of blobs and logs, in bounded memory."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from amlet.base.errors import AmletError
from amlet.domain.artifact import BlobLocation
from amlet.server.context import Parts

log = logging.getLogger("amlet.server")

CHUNK_BYTES = 1 << 20
TOTAL_HEADER = "Amlet-Total-Bytes"
VERSION_HEADER = "Amlet-Version"

SAFE_HEADERS = {
    "Content-Disposition": "attachment",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}
"""What a run wrote is never a page of ours."""


async def blob_response(parts: Parts, location: BlobLocation, *, offset: int) -> Response:
    """The bytes of a blob from an offset on."""
    offset = min(offset, location.size_bytes)
    file = await parts.threaded(lambda: parts.blobs.open(location))
    await parts.threaded(lambda: file.seek(offset))
    return raw_answer(_pieces(parts, file), location.size_bytes, max(0, location.size_bytes - offset))


async def file_response(parts: Parts, path: Path) -> Response:
    """The bytes of a file of the server's own."""
    file = await parts.threaded(lambda: path.open("rb"))
    size_bytes = path.stat().st_size
    return raw_answer(_pieces(parts, file), size_bytes, size_bytes)


async def log_response(parts: Parts, number: int, size_bytes: int, *, offset: int) -> Response:
    """The acknowledged bytes of a growing log from an offset on."""

    async def body() -> AsyncIterator[bytes]:
        at = offset
        while at < size_bytes:
            wanted = min(CHUNK_BYTES, size_bytes - at)
            chunk = await parts.threaded(partial(parts.logs.read, number, at, wanted))
            if not chunk:
                return
            at += len(chunk)
            yield chunk

    return raw_answer(body(), size_bytes, max(0, size_bytes - offset))


async def _pieces(parts: Parts, file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await parts.threaded(lambda: file.read(CHUNK_BYTES)):
            yield chunk
    finally:
        file.close()


def raw_answer(body: AsyncIterator[bytes], total_bytes: int, length: int, version: str = "") -> Response:
    """Raw bytes that are never a page of ours.

    Args:
        total_bytes: Of the whole file.
        length: Of what follows.
        version: Of the file's content, where it may change.
    """
    headers = {**SAFE_HEADERS, TOTAL_HEADER: str(total_bytes), "Content-Length": str(length)}
    if version.isascii() and version.isprintable() and version:
        headers[VERSION_HEADER] = version
    return _Bytes(body, media_type="application/octet-stream", headers=headers)


class _Bytes(StreamingResponse):
    """Bytes whose source may break: the answer is cut then, which its client sees, and the log has a line on why."""

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except AmletError as error:
            log.warning("an answer is cut: %s", error.message)
