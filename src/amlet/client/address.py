"""Where a server is and what is shown to it."""

from __future__ import annotations

from typing import NamedTuple

from amlet.base.errors import InvalidInput


class Address(NamedTuple):
    """A server's url, taken apart, and the token for it."""

    url: str
    token: str
    scheme: str
    host: str
    port: int
    prefix: str
    """What stands before `/api` in every path: `` or `/team-a`."""
    via: str = ""
    """A Unix socket of this machine that leads there; empty where the host is reached directly."""

    @classmethod
    def parse(cls, url: str, token: str, via: str = "") -> Address:
        """Take a url apart.

        Raises:
            InvalidInput: for anything but http(s)://host[:port][/prefix], or a token that cannot stand in a header.
        """
        from urllib.parse import urlsplit

        url, token = url.strip().rstrip("/"), token.strip()
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidInput(f"{url!r} is not a server's address: {error}.", hint=_HINT) from error
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "@" in url:
            raise InvalidInput(f"{url!r} is not a server's address.", hint=_HINT)
        if not (url + token).isascii() or not (url + token).isprintable() or " " in url + token:
            raise InvalidInput("The server's address or token has a character that cannot be sent.", hint=_HINT)
        port = port or (443 if parts.scheme == "https" else 80)
        return cls(url, token, parts.scheme, parts.hostname, port, parts.path, via)


_HINT = "it looks like http://127.0.0.1:8700 or https://amlet.example.org; see AMLET_URL and AMLET_TOKEN."
