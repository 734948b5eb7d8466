"""Wheels made here, and indexes of this machine that serve them."""

from __future__ import annotations

import base64
import functools
import http.server
import shutil
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOGIN = "user:s3cret"


def wheel(
    folder: Path, name: str, version: str = "1.0", *, requires: str = "", script: str = "", body: str = ""
) -> Path:
    """A wheel of one module.

    Args:
        script: The name of an entry point that prints the version.
        body: What the module holds beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": f"version = {version!r}\n\ndef main():\n    print(version)\n\n{body}",
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/RECORD": "",
    }
    if script:
        files[f"{stem}.dist-info/entry_points.txt"] = f"[console_scripts]\n{script} = {name}:main\n"
    with zipfile.ZipFile(path, "w") as archive:
        for at, text in files.items():
            archive.writestr(at, text)
    return path


def list_in_index(folder: Path, name: str, *wheels: Path) -> None:
    """Add a package to the index below a folder, as `simple/NAME/`."""
    place = folder / "simple" / name
    place.mkdir(parents=True, exist_ok=True)
    for path in wheels:
        shutil.copy(path, place)
    names = sorted(path.name for path in place.glob("*.whl"))
    (place / "index.html").write_text("".join(f'<a href="{held}">{held}</a>' for held in names))


class _Index(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; with a login, or an answer that is always the same."""

    login = ""
    status = 0
    gate: threading.Event | None = None

    def do_GET(self) -> None:
        if self.gate is not None:
            self.gate.wait(60)
        expected = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.status or (self.login and self.headers.get("Authorization") != expected):
            self.send_response(self.status or 401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def index(
    folder: Path,
    *,
    login: str = "",
    status: int = 0,
    certificate: Path | None = None,
    gate: threading.Event | None = None,
) -> Iterator[str]:
    """Serve a folder on loopback; gives `127.0.0.1:PORT/simple`.

    Args:
        login: `user:password` that it wants.
        status: It answers every request with this one.
        certificate: A file with a key and a certificate: it speaks TLS.
        gate: It answers nothing before this is set.
    """
    kind = type("Index", (_Index,), {"login": login, "status": status, "gate": gate})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(kind, directory=str(folder)))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that does not trust it hangs up
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts, and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    key, certificate, both = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate)]
    argv += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(argv, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both
