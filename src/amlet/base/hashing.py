"""SHA-256 of bytes, files and streams."""

from __future__ import annotations

import hashlib
from typing import BinaryIO, Tuple

CHUNK_BYTES = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_stream(stream: BinaryIO) -> Tuple[str, int]:
    """Hex digest and size in bytes of what is left in a stream, read in chunks."""
    digest, size = hashlib.sha256(), 0
    while True:
        chunk = stream.read(CHUNK_BYTES)
        if not chunk:
            return digest.hexdigest(), size
        digest.update(chunk)
        size += len(chunk)
