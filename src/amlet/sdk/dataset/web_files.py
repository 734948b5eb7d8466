"""Files behind URLs, kept in a cache and asked for again only when the server says that they changed."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict
from urllib.parse import unquote, urlsplit

from amlet.base.hashing import sha256_bytes
from amlet.base.paths import owner_only
from amlet.base.version import __version__
from amlet.sdk.exceptions import UserErrorException

TIMEOUT_S = 60.0
CHUNK_BYTES = 1 << 20
_TAGS = "tags.json"


def fetch(url: str, cache: Path) -> Path:
    """A copy of the file behind a URL on this machine, whole under its name.

    Raises:
        UserErrorException: it is not there, or its server cannot be reached or broke off.
    """
    folder = cache / "web" / sha256_bytes(url.encode())
    place = folder / name_of(url)
    tags = _tags(folder) if place.is_file() else {}
    request = urllib.request.Request(url, headers={"User-Agent": f"amlet/{__version__}", **tags})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http and https alone get here
            owner_only(folder)
            _keep(answer, folder, place)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304:
            return place
        raise UserErrorException(f"{url} cannot be read: its server answers {error.code} {error.reason}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserErrorException(f"{url} cannot be read: {reason}.") from error
    return place


def name_of(url: str) -> str:
    """The name of the file behind a URL."""
    return unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2].replace("\x00", "") or "file"


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
