"""Files behind URLs, kept in a cache and asked for again only when the server says that they changed."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
import zlib
from collections import Counter
from email.message import Message
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence
from urllib.parse import quote, unquote, urlsplit

from amlet.base.errors import DatastoreFailed, InvalidInput, NotFound, StorageFailed
from amlet.base.hashing import sha256_bytes
from amlet.base.paths import owner_only
from amlet.base.version import __version__

SCHEMES = ("http", "https")
TIMEOUT_S = 30.0
"""How long a server may say nothing."""

TRIES = 3
"""How often a download may break with nothing gained before that is an error."""

PAUSE_S = 0.5
"""After a break with nothing gained, and twice as long after the next."""

CHUNK_BYTES = 1 << 20
READ_ONLY = 0o444
_TAGS = ".amlet-tags.json"


def fetch(url: str, cache: Path) -> Path:
    """A copy of the file behind a URL on this machine, to be read and never written, whole under its name.

    A download that breaks goes on where it broke, if its server can do that and the file is still the same; else it
    begins again.

    Raises:
        InvalidInput: it is no URL of the web.
        NotFound: it is not there.
        DatastoreFailed: its server cannot be reached, refuses, or broke off again and again.
        StorageFailed: it cannot be kept.
    """
    if urlsplit(url).scheme.lower() not in SCHEMES:
        raise InvalidInput(f"{_shown(url)} cannot be fetched: only http and https can.")
    folder = cache / "web" / sha256_bytes(url.encode())
    place = folder / name_of(url)
    partial = folder / f".amlet-{os.urandom(8).hex()}.part"
    try:
        headers = _download(url, _tags(folder) if place.is_file() else {}, partial)
        if headers is None:
            for used in (place, folder / _TAGS):  # what nobody uses is pruned
                os.utime(used)
        else:
            _keep(partial, place, headers)
    except urllib.error.HTTPError as error:
        error.close()
        kind = NotFound if error.code in (404, 410) else DatastoreFailed
        said = str(error.reason).partition("\n")[0].rstrip(".")
        raise kind(f"{_shown(url)} cannot be read: its server answers {error.code} {said}.") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DatastoreFailed(f"{_shown(url)} cannot be read: {reason}.") from error
    finally:
        partial.unlink(missing_ok=True)
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
    """Without what may hold a secret: its query, a user's name and password."""
    parts = urlsplit(url.partition("?")[0])
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()[:300]


def _download(url: str, tags: Dict[str, str], partial: Path) -> Optional[Message]:
    """Save the file behind a URL.

    Args:
        tags: Headers by which the server knows the copy that is held.

    Returns:
        The headers of what was saved; None where it is the copy that is held.
    """
    # As browsers do: blanks and letters beyond ASCII are escaped, what is escaped stays.
    address = quote(url, safe="%/:?#[]@!$&'()*+,;=~")
    headers: Optional[Message] = None
    size, most, tries_left = 0, 0, TRIES
    while True:
        asked = tags if headers is None else _from(headers, size)
        request = urllib.request.Request(address, headers={"User-Agent": f"amlet/{__version__}", **asked})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - looked at by the caller
                if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
                    if not (answer.headers.get("Content-Range") or "").startswith(f"bytes {size}-"):
                        raise OSError("its server answers with another part than was asked for")
                else:
                    headers, size = answer.headers, 0
                _append(answer, partial, size)
                return headers
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                if error.code == http.HTTPStatus.NOT_MODIFIED and headers is None:
                    error.close()
                    return None
                if error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
            # What never began is told at once.
            size = partial.stat().st_size if headers is not None and partial.exists() else 0
            tries_left = TRIES if size > most else tries_left - 1
            most = max(most, size)
            if headers is None or not tries_left:
                raise
            time.sleep(PAUSE_S * (TRIES - tries_left))


def _from(headers: Message, size: int) -> Dict[str, str]:
    """What asks for the rest of the very version that these headers came with; nothing where all is to come again."""
    tag, changed = headers.get("ETag") or "", headers.get("Last-Modified")
    same = changed if not tag or tag.startswith("W/") else tag
    return {"Range": f"bytes={size}-", "If-Range": same} if size and same else {}


def _append(answer: Any, partial: Path, start: int) -> None:
    """Write an answer to a file from a byte on.

    Raises:
        OSError, HTTPException: it broke off.
        StorageFailed: it cannot be written.
    """
    told = answer.headers.get("Content-Length") or ""
    end = start + int(told) if told.isdigit() else None
    size = start
    try:
        owner_only(partial.parent)
        stream = partial.open("r+b" if start else "wb")
    except OSError as error:
        raise StorageFailed.from_os_error(error, partial) from error
    with stream:
        stream.seek(start)
        stream.truncate()
        while size != end:
            # What one receive brings: what a longer read had gathered before a break would be lost.
            chunk = answer.read1(CHUNK_BYTES)
            if not chunk:
                break
            try:
                stream.write(chunk)
                stream.flush()
            except OSError as error:
                raise StorageFailed.from_os_error(error, partial) from error
            size += len(chunk)
    if end is not None and size != end:
        raise OSError(f"it broke off after {size:,} of {end:,} bytes")


def _keep(partial: Path, place: Path, headers: Message) -> None:
    tags = {"If-None-Match": headers.get("ETag"), "If-Modified-Since": headers.get("Last-Modified")}
    if (headers.get("Content-Encoding") or "").lower() in ("gzip", "x-gzip") and not place.name.endswith(".gz"):
        _unpack(partial)
    try:
        partial.chmod(READ_ONLY)
        partial.replace(place)
        (place.parent / _TAGS).write_text(json.dumps({key: value for key, value in tags.items() if value}))
    except OSError as error:
        raise StorageFailed.from_os_error(error, place) from error


def _unpack(partial: Path) -> None:
    """Take a packing away that belongs to the transfer, not to the file."""
    packed = partial.with_name(partial.name + ".gz")
    try:
        partial.replace(packed)
        with gzip.open(packed, "rb") as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    except (EOFError, zlib.error) as error:
        raise OSError(f"it is packed wrongly: {error}") from error
    finally:
        packed.unlink(missing_ok=True)


def _tags(folder: Path) -> Dict[str, str]:
    try:
        found: Dict[str, str] = json.loads((folder / _TAGS).read_text())
    except (OSError, ValueError):
        return {}
    return found
