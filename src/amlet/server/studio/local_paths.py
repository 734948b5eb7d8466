"""Where a browser may be sent next: a path of this server and nothing else."""

from __future__ import annotations

import re
from urllib.parse import unquote

from amlet.wire.pages import HOME

LIMIT = 2000

_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""One slash, then printable ASCII but the backslash: browsers read `\\` as `/` and skip tabs and line ends."""


def local_path(text: str | None) -> str:
    """The path itself when it stays on this server, else the home page.

    Never a scheme or a host (`//evil.example`, `/\\evil.example`), also not after one decoding.
    """
    if not text or len(text) > LIMIT or _LOCAL.fullmatch(text) is None:
        return HOME
    return HOME if unquote(text).replace("\\", "/").startswith("//") else text
