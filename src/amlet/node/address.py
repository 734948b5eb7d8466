"""By which address the machine of a node is reached."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


def address_towards(url: str) -> str:
    """This machine's address, as machines have it that are where the server is: AMLET_NODE_ADDRESS says another."""
    given = os.environ.get("AMLET_NODE_ADDRESS")
    if given:
        return given
    told = urlsplit(url)
    try:
        family, kind, _, _, place = socket.getaddrinfo(told.hostname, told.port or 80, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(place)  # a datagram socket sends nothing by this
            return str(probe.getsockname()[0])
    except OSError:
        return LOOPBACK
