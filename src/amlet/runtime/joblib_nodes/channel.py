"""A connection between the script and a worker of another node: both prove that they know the run's token first.

After that, frames: a kind, a number, a length, and so many bytes. What they hold is unpickled by both, so nobody who
does not know the token gets that far. Frames are neither encrypted nor signed one by one.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import socket
import struct
import threading
from typing import Any, Tuple

HELLO = 1
"""From a worker: how many cores it has."""
CALL = 2
"""To a worker: how many processes it is to have."""
ARRAY = 3
"""To a worker: an array, to be kept under its digest."""
FORGET = 4
"""To a worker: an array that no task will name any more."""
TASK = 5
ABORT = 6
"""To a worker: nobody waits for what it does."""
BYE = 7
"""To a worker: the script has ended."""
DONE = 8
LOST = 9
"""From a worker: a task that ended without a result."""

HANDSHAKE_S = 10.0
_HEAD = struct.Struct("!BQQ")
_NONCE = 32
_PROOF = 32
LONGEST = 1 << 40


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """One connection. Any thread may send; one receives."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._sending = threading.Lock()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def prove(self, key: bytes, *, is_script: bool) -> bool:
        """Exchange proofs; whether the other side knows the key."""
        self._socket.settimeout(HANDSHAKE_S)
        mine = os.urandom(_NONCE)
        try:
            self._socket.sendall(mine)
            theirs = bytes(self._exactly(_NONCE))
            self._socket.sendall(_proof(key, is_script, mine, theirs))
            good = hmac.compare_digest(bytes(self._exactly(_PROOF)), _proof(key, not is_script, theirs, mine))
        except (OSError, Closed):
            return False
        self._socket.settimeout(None)
        return good

    def send(self, kind: int, number: int = 0, *parts: Any) -> None:
        """Send one frame of these buffers.

        Raises:
            Closed: the other side is gone.
        """
        views = [memoryview(part).cast("B") for part in parts]
        head = _HEAD.pack(kind, number, sum(view.nbytes for view in views))
        try:
            with self._sending:
                if len(views) == 1 and views[0].nbytes < 1 << 16:
                    self._socket.sendall(head + views[0])
                    return
                self._socket.sendall(head)
                for view in views:
                    self._socket.sendall(view)
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self) -> Tuple[int, int, bytearray]:
        """The next frame: kind, number, bytes.

        Raises:
            Closed: the other side is gone.
        """
        try:
            kind, number, length = _HEAD.unpack(self._exactly(_HEAD.size))
            if length > LONGEST:
                raise Closed(f"a frame of {length} bytes")
            return kind, number, self._exactly(length)
        except OSError as error:
            raise Closed(str(error)) from error

    def close(self) -> None:
        """End it. What waits in `receive` or `send` raises Closed."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _exactly(self, count: int) -> bytearray:
        found = bytearray(count)
        view = memoryview(found)
        while view.nbytes:
            got = self._socket.recv_into(view)
            if not got:
                raise Closed("the connection has ended")
            view = view[got:]
        return found


def key_of(token: str, place: str) -> bytes:
    """What both sides prove to know."""
    return hashlib.sha256(f"amlet joblib {place} {token}".encode()).digest()


def _proof(key: bytes, is_script: bool, own: bytes, other: bytes) -> bytes:
    side = b"script" if is_script else b"worker"
    return hmac.new(key, side + own + other, hashlib.sha256).digest()
