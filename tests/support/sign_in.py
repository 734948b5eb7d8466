"""What Azure's sign-in is to a service principal: an authority that gives tokens for its secret, over TLS."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.served import served

TENANT = "72f988bf-0000-41af-91ab-2d7cd011db47"
CLIENT = "client-of-tests"
SECRET = "a-secret-of-a-principal"


def certificate(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate for 127.0.0.1, which is its own authority, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    held, own = folder / "cert.pem", folder / "key.pem"
    held.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    own.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return held, own


class Authority(ThreadingHTTPServer):
    """Tokens are not signed: Azurite looks at what they say alone."""

    daemon_threads = True

    def __init__(self, cert: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"


def authority(cert: Path, key: Path) -> AbstractContextManager[Authority]:
    return served(Authority(cert, key))


class _Handler(BaseHTTPRequestHandler):
    server: Authority
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        own = f"{self.server.url}/{TENANT}"
        self._send(
            200,
            {
                "issuer": f"{own}/v2.0",
                "authorization_endpoint": f"{own}/oauth2/v2.0/authorize",
                "token_endpoint": f"{own}/oauth2/v2.0/token",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        self.server.asked.append(asked.get("scope", ""))
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET):
            return self._send(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."})
        now = int(time.time())
        claims = {
            "aud": asked["scope"].removesuffix("/.default"),
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
        }
        token = ".".join([_part({"alg": "none", "typ": "JWT"}), _part(claims), _part({})])
        return self._send(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token})

    def _send(self, status: int, told: dict[str, object]) -> None:
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _part(told: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
