"""The studio's own modules and style, read once and served under a path that changes with their content."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import NotFound

STATIC = Path(__file__).parent / "static"
PATTERN = "/assets/{digest}/{name}"

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """One file."""

    media_type: str
    data: bytes


def path_of(name: str) -> str:
    """The path of an asset. It may be kept for ever: new content has a new path."""
    return f"/assets/{_digest()}/{name}"


def find(digest: str, name: str) -> Asset:
    """The asset of a path.

    Raises:
        NotFound: for a name we have not, or a path from another version.
    """
    found = _all().get(name)
    if found is None or digest != _digest():
        raise NotFound(f"There is no asset {name[:80]!r} of this version.", hint="load the page again.")
    return found


@functools.cache
def _all() -> dict[str, Asset]:
    return {
        file.name: Asset(_TYPES[file.suffix], file.read_bytes()) for file in STATIC.iterdir() if file.suffix in _TYPES
    }


@functools.cache
def _digest() -> str:
    content = hashlib.sha256()
    for name, asset in sorted(_all().items()):
        content.update(f"{name}\0{len(asset.data)}\0".encode() + asset.data)
    return content.hexdigest()[:12]
