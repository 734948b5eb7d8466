"""Who may ask a service: keys by their sha256, tokens by their signature, both compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from amlet.domain.service_token import is_valid
from amlet.runtime.attempt import write_json
from amlet.runtime.scoring.exchange import Refused

ACCESS_FILE = "access.json"
ROUTER_HEADER = b"x-amlet-router"
"""Bears what the router of a service shows to replicas on other machines."""


class AccessFile(NamedTuple):
    """What may be changed while the replica runs: the node writes it, the replica looks for it every second."""

    key_hashes: Optional[List[str]] = None
    token_secret: Optional[str] = None
    processes: int = 1
    """How many processes answer on the port, this one among them."""
    router_hash: Optional[str] = None
    """The sha256 of what the service's router shows; None: whoever reaches the port may ask."""

    def write(self, folder: Path) -> None:
        write_json(folder / ACCESS_FILE, self._asdict())


class Access:
    """The keys and tokens of a service. Used on the loop's thread."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            OSError, ValueError: unless the folder holds an access file: a service is never open by accident.
        """
        self._path = folder / ACCESS_FILE
        self._seen = self._stamp()
        self._rules = self._read()

    def refresh(self) -> None:
        """Take in a file that was written anew."""
        stamp = self._stamp()
        if stamp is not None and stamp != self._seen:
            self._rules = self._read()
            self._seen = stamp

    @property
    def processes(self) -> int:
        """How many processes answer on the port."""
        return self._rules.processes

    @property
    def has_router(self) -> bool:
        """Whether the service's router alone may ask."""
        return self._rules.router_hash is not None

    def is_routed(self, headers: Dict[bytes, bytes]) -> bool:
        """Whether a request came through the service's router. What shows it is taken out: it is not the script's."""
        shown = hashlib.sha256(headers.pop(ROUTER_HEADER, b"")).hexdigest()
        return hmac.compare_digest(shown, self._rules.router_hash or "")

    def check(self, headers: Dict[bytes, bytes]) -> None:
        """
        Raises:
            Refused: with 401, when the service is closed and no valid key or token comes.
        """
        rules = self._rules
        if rules.key_hashes is None and rules.token_secret is None:
            return
        scheme, _, credential = headers.get(b"authorization", b"").partition(b" ")
        credential = credential.strip()
        digest = hashlib.sha256(credential).hexdigest()
        # Every key is compared, so that the time tells nothing.
        fits = [hmac.compare_digest(digest, held) for held in rules.key_hashes or ()]
        if rules.token_secret is not None:
            fits.append(is_valid(rules.token_secret, credential.decode("latin-1"), now_s=time.time()))
        if scheme.lower() != b"bearer" or not any(fits):
            challenge = (b"www-authenticate", b"Bearer")
            raise Refused(401, "This service needs a key: send `Authorization: Bearer <key>`.", challenge)

    def _read(self) -> AccessFile:
        return AccessFile(**json.loads(self._path.read_bytes()))

    def _stamp(self) -> Optional[int]:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return None
