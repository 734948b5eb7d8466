"""Azure's file shares as their protocol is documented, in memory: Azurite has none. It lets everybody in.

It tells whether our adapter and Azure's own library understand each other; what Azure answers it cannot tell.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from support.azurite import ACCOUNT


class Share:
    """Folders and files by path; the root is the folder with the empty path."""

    def __init__(self) -> None:
        self.folders = {""}
        self.files: dict[str, bytearray] = {}
        self.etags: dict[str, str] = {}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shares: dict[str, Share] = {}
        self.lock = threading.Lock()
        self.versions = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            name, path, asked = self._asked()
            if asked.get("restype") == "share":
                self.server.shares.setdefault(name, Share())
                return self._answer(201)
            share = self.server.shares.get(name)
            parent = path.rpartition("/")[0]
            if share is None or parent not in share.folders:
                return self._fault(404, "ShareNotFound" if share is None else "ParentNotFound")
            if asked.get("restype") == "directory":
                if path in share.folders:
                    return self._fault(409, "ResourceAlreadyExists")
                share.folders.add(path)
                return self._answer(201)
            if asked.get("comp") == "rename":
                source = self._path_of(self.headers["x-ms-file-rename-source"])[1]
                if path in share.files and self.headers.get("x-ms-file-rename-replace-if-exists") != "true":
                    return self._fault(409, "ResourceAlreadyExists")
                share.files[path] = share.files.pop(source)
                share.etags[path] = share.etags.pop(source)
                return self._answer(200, ETag=share.etags[path])
            if asked.get("comp") == "range":
                first, last = self._range()
                share.files[path][first : last + 1] = body
            else:
                share.files[path] = bytearray(int(self.headers["x-ms-content-length"]))
            share.etags[path] = f'"0x{next(self.server.versions):X}"'
            return self._answer(201, ETag=share.etags[path])

    def do_GET(self) -> None:
        with self.server.lock:
            name, path, asked = self._asked()
            share = self.server.shares.get(name)
            if share is None:
                return self._fault(404, "ShareNotFound")
            if asked.get("comp") == "list":
                if path not in share.folders:
                    return self._fault(404, "ResourceNotFound")
                return self._answer(200, _listed(share, path), **{"Content-Type": "application/xml"})
            if path not in share.files:
                return self._fault(404, "ResourceNotFound")
            data, etag = bytes(share.files[path]), share.etags[path]
        if "x-ms-range" not in self.headers:
            return self._answer(200, data, ETag=etag)
        first, last = self._range()
        part = data[first : last + 1]
        told = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        return self._answer(206, part, ETag=etag, **{"Content-Range": told})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        with self.server.lock:
            name, path, _ = self._asked()
            found = self.server.shares[name].files.pop(path, None)
        return self._answer(202) if found is not None else self._fault(404, "ResourceNotFound")

    def _asked(self) -> tuple[str, str, dict[str, str]]:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        return (*self._path_of(self.path), query)

    def _path_of(self, url: str) -> tuple[str, str]:
        account, _, rest = unquote(urlsplit(url).path).strip("/").partition("/")
        assert account == ACCOUNT, account
        name, _, path = rest.partition("/")
        return name, path

    def _range(self) -> tuple[int, int]:
        first, _, last = self.headers["x-ms-range"].removeprefix("bytes=").partition("-")
        return int(first), int(last)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        told = {"Content-Length": str(len(body)), "Last-Modified": formatdate(usegmt=True), "x-ms-type": "File"}
        for key, value in {**told, **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fault(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self._answer(status, body, **{"x-ms-error-code": code, "Content-Type": "application/xml"})


def _listed(share: Share, folder: str) -> bytes:
    lines = []
    for path in sorted(share.folders - {""}):
        if path.rpartition("/")[0] == folder:
            lines.append(f"<Directory><Name>{escape(path.rpartition('/')[2])}</Name><Properties/></Directory>")
    for path, data in sorted(share.files.items()):
        if path.rpartition("/")[0] == folder:
            told = f"<Content-Length>{len(data)}</Content-Length><Etag>{escape(share.etags[path])}</Etag>"
            name = escape(path.rpartition("/")[2])
            lines.append(f"<File><Name>{name}</Name><Properties>{told}</Properties></File>")
    entries = f"<Entries>{''.join(lines)}</Entries><NextMarker/>"
    return f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults>{entries}</EnumerationResults>'.encode()


@contextlib.contextmanager
def file_shares() -> Iterator[str]:
    """The endpoint, `127.0.0.1:port`, of a server of its own."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
