"""A TCP proxy that resets every connection after so many bytes: a network that never holds for long."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType

PIECE_BYTES = 16 << 10


class CuttingProxy:
    """Stands before a server. Bytes and connections are counted on the way to it."""

    def __init__(self, port: int, *, every_bytes: int) -> None:
        self.bytes = 0
        self.connections = 0
        self.every_bytes: int | None = every_bytes
        self._port = port
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._own_port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._own_port}"

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = threading.Thread(target=self._answers, args=(server, client), daemon=True)
            answers.start()
            # The server answers for its own address only. Both are of one length; a head comes in one piece.
            own, theirs = (f"Host: 127.0.0.1:{port}\r\n".encode() for port in (self._own_port, self._port))
            left = self.every_bytes
            with contextlib.suppress(OSError):
                while left is None or left > 0:
                    data = client.recv(PIECE_BYTES if left is None else min(PIECE_BYTES, left))
                    if not data:
                        break
                    server.sendall(data.replace(own, theirs))
                    left = None if left is None else left - len(data)
                    with self._lock:
                        self.bytes += len(data)
            for end in (client, server):
                if left is not None and left <= 0:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST, not FIN
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RD)
            answers.join(5)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
