"""Files behind URLs, kept in a cache and asked for again only when the server says that they changed."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Sequence
from urllib.parse import unquote, urlsplit

from amlet.base.errors import DatastoreFailed, InvalidInput, NotFound
from amlet.base.hashing import sha256_bytes
from amlet.base.paths import owner_only
from amlet.base.version import __version__

SCHEMES = ("http", "https")
TIMEOUT_S = 60.0
CHUNK_BYTES = 1 << 20
READ_ONLY = 0o444
_TAGS = ".amlet-tags.json"


def fetch(url: str, cache: Path) -> Path:
    """A copy of the file behind a URL on this machine, to be read and never written, whole under its name.

    Raises:
        InvalidInput: it is no URL of the web.
        NotFound: it is not there.
        DatastoreFailed: its server cannot be reached, refuses or broke off.
    """
    if urlsplit(url).scheme.lower() not in SCHEMES:
        raise InvalidInput(f"{_shown(url)} cannot be fetched: only http and https can.")
    folder = cache / "web" / sha256_bytes(url.encode())
    place = folder / name_of(url)
    tags = _tags(folder) if place.is_file() else {}
    request = urllib.request.Request(url, headers={"User-Agent": f"amlet/{__version__}", **tags})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - looked at above
            owner_only(folder)
            _keep(answer, folder, place)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304:
            for used in (place, folder / _TAGS):  # what nobody uses is pruned
                os.utime(used)
            return place
        kind = NotFound if error.code in (404, 410) else DatastoreFailed
        raise kind(f"{_shown(url)} cannot be read: its server answers {error.code} {error.reason}.") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DatastoreFailed(f"{_shown(url)} cannot be read: {reason}.") from error
    return place


def names_of(urls: Sequence[str]) -> List[str]:
    """The names of the files behind some URLs, each another: where two end alike, with their host and path."""
    short = [name_of(url) for url in urls]
    counts = Counter(short)
    return [name if counts[name] == 1 else _long_name(url) for name, url in zip(short, urls)]


def name_of(url: str) -> str:
    """The name of the file behind a URL."""
    name = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2].replace("\x00", "")
    return "file" if name in ("", ".", "..") else name


def _long_name(url: str) -> str:
    parts = urlsplit(url)
    held = [part for part in f"{parts.netloc}{unquote(parts.path)}".replace("\x00", "").split("/") if part.strip(".")]
    name = "/".join(held)
    return f"{name}-{sha256_bytes(parts.query.encode())[:8]}" if parts.query else name


def _shown(url: str) -> str:
    """Without its query, which may hold a signature."""
    return url.partition("?")[0][:300]


def _keep(answer: Any, folder: Path, place: Path) -> None:
    partial = folder / f".amlet-{os.urandom(8).hex()}.part"
    try:
        with partial.open("wb") as stream:
            shutil.copyfileobj(answer, stream, CHUNK_BYTES)
            size = stream.tell()
        told = answer.headers.get("Content-Length")
        if told is not None and told.isdigit() and int(told) != size:
            raise OSError(f"it broke off after {size:,} of {int(told):,} bytes")
        headers = {
            "If-None-Match": answer.headers.get("ETag"),
            "If-Modified-Since": answer.headers.get("Last-Modified"),
        }
        partial.chmod(READ_ONLY)
        partial.replace(place)
        (folder / _TAGS).write_text(json.dumps({key: value for key, value in headers.items() if value}))
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _tags(folder: Path) -> Dict[str, str]:
    try:
        found: Dict[str, str] = json.loads((folder / _TAGS).read_text())
    except (OSError, ValueError):
        return {}
    return found
