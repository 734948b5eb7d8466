"""Images of a run: told by their first bytes, shown inline only where every browser knows them as nothing else."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from amlet.base.errors import InvalidInput, NotFound, TooLarge
from amlet.domain.artifact import BlobLocation
from amlet.server.context import Parts
from amlet.store.base import Transaction

HEAD_BYTES = 16
LIMIT_BYTES = 20 << 20

HEADERS = {
    "Content-Disposition": "inline",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


def media_type(head: bytes) -> str | None:
    """The type of an image by its first HEAD_BYTES bytes; None for what is not shown inline, SVG above all."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None


async def show_image(request: Request, parts: Parts) -> Response:
    """A file of a run for an `<img>`.

    Raises:
        NotFound: if the run has no such finished file.
        InvalidInput: if it is no image that is shown inline.
        TooLarge: if it is one, beyond LIMIT_BYTES.
    """
    workspace_id, run_id = request.path_params["workspace_id"], request.path_params["run_id"]
    path = request.query_params.get("path", "")

    def look(tx: Transaction) -> BlobLocation:
        file = tx.files.find(workspace_id, run_id, path)
        location = tx.blobs.locate([file.sha256]).get(file.sha256) if file and file.sha256 else None
        if location is None:
            raise NotFound(f"Run {run_id[:200]!r} has no finished file {path[:200]!r}.")
        return location

    location = await parts.read(look)
    headers = {**HEADERS, "ETag": f'"{location.sha256}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if location.size_bytes > LIMIT_BYTES:
        raise TooLarge(f"{path[:200]!r} is too large to be shown here.", hint="download it.")

    def read() -> bytes:
        with parts.blobs.open(location) as opened:
            return opened.read(LIMIT_BYTES)

    data = await parts.threaded(read)
    found = media_type(data[:HEAD_BYTES])
    if found is None:
        raise InvalidInput(
            f"{path[:200]!r} is no image that is shown inline.",
            hint="PNG, JPEG, GIF and WebP are; download the others.",
        )
    return Response(data, headers=headers, media_type=found)
