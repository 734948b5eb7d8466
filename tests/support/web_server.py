"""Files behind URLs: a web server on loopback that can send a part of a file."""

from __future__ import annotations

import contextlib
import hashlib
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from support.served import served


class WebServer(ThreadingHTTPServer):
    """Files by path, to be changed at any time.

    Args:
        knows_parts: It sends parts of files, and tags by which they are known.
    """

    daemon_threads = True

    def __init__(self, *, knows_parts: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.knows_parts = knows_parts
        self.headers: dict[str, dict[str, str]] = {}
        """More headers, by path."""
        self.asked: list[str] = []
        """Each request's path and range."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


def web_server(*, knows_parts: bool = True) -> AbstractContextManager[WebServer]:
    return served(WebServer(knows_parts=knows_parts))


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        path, wanted = urlsplit(self.path).path, self.headers.get("Range")
        self.server.asked.append(f"{path} {wanted or ''}".strip())
        data = self.server.files.get(path)
        if data is None:
            self.send_error(404)
            return
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        headers = dict(self.server.headers.get(path, {}))
        if self.server.knows_parts:
            headers["ETag"] = tag
        if self.server.knows_parts and self.headers.get("If-None-Match") == tag:
            self._send(304, b"", headers)
        elif self.server.knows_parts and wanted and self.headers.get("If-Range") == tag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._send(206, data[start:], headers)
        else:
            self._send(200, data, headers)

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)
