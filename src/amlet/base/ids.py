"""Ids: random ones, and v1's form for runs."""

from __future__ import annotations

import os


def uuid4_text() -> str:
    """A random UUID as text. Reads the system's randomness itself: `uuid` costs 5 ms to import."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def short_id(prefix: str) -> str:
    """`<prefix>_<12 hex>`: an id of our own for a record."""
    return f"{prefix}_{os.urandom(6).hex()}"


def script_run_id(experiment: str, epoch_s: int) -> str:
    """The id of a submitted script's run (v1-behaviours 2.7)."""
    return f"{experiment}_{epoch_s}_{os.urandom(4).hex()}"


def uuid_from_digest(sha256: str) -> str:
    """A UUID that is a function of a digest, so that equal content has an equal id."""
    return "-".join((sha256[:8], sha256[8:12], sha256[12:16], sha256[16:20], sha256[20:32]))
