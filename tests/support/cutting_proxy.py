"""A TCP proxy that resets every connection after so many bytes, or goes silent: a network that never holds for long."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType

PIECE_BYTES = 16 << 10


class CuttingProxy:
    """Stands before a server. Bytes and connections are counted on the way to it.

    Args:
        every_bytes: How many bytes of requests a connection lasts; None: any number.
        answer_bytes: How many bytes of answers a connection lasts; None: any number.
        resets: A connection is reset after them, and what is still under way is lost; else it is closed.
        stalls: After them nothing comes any more.
        ends: After the first such break every connection is closed at once: the server has gone away.
    """

    def __init__(
        self,
        port: int,
        *,
        every_bytes: int | None = None,
        answer_bytes: int | None = None,
        resets: bool = False,
        stalls: bool = False,
        ends: bool = False,
    ) -> None:
        self.bytes = 0
        self.answered = 0
        self.connections = 0
        self.every_bytes = every_bytes
        self.answer_bytes = answer_bytes
        self.resets = resets
        self.stalls = stalls
        self.ends = ends
        self.has_ended = False
        self._closed = threading.Event()
        self._port = port
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._own_port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._own_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                if self.has_ended:
                    client.close()
                    continue
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
        lasted = 0
        with contextlib.suppress(OSError):
            while data := server.recv(PIECE_BYTES):
                if self.answer_bytes is not None:  # it may have been set while the connection was open
                    data = b"" if self.has_ended else data[: self.answer_bytes - lasted]
                    lasted += len(data)
                client.sendall(data)
                with self._lock:
                    self.answered += len(data)
                if self.answer_bytes is not None and (lasted >= self.answer_bytes or self.has_ended):
                    break
            else:
                return
            if self.stalls:
                self._closed.wait()
            self.has_ended = self.ends
            if self.resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.shutdown(socket.SHUT_RD)  # wakes the thread that closes it
