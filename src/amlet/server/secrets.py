"""Secrets at rest: sealed with the server's key, opened only by this server."""

from __future__ import annotations

import base64
import hashlib
import hmac

from amlet.base.errors import StorageFailed


class Secrets:
    """Seals and opens texts. Safe from any thread.

    Sealed texts are Fernet tokens (AES-128-CBC with HMAC-SHA-256) under a key of their own, derived from the server's,
    so that no signed token of the server's can pass for one.
    """

    def __init__(self, server_key: bytes) -> None:
        self._key = base64.urlsafe_b64encode(hmac.new(server_key, b"amlet: secrets at rest", hashlib.sha256).digest())

    def seal(self, text: str) -> str:
        """What may be written into the records."""
        from cryptography.fernet import Fernet  # late: most servers seal nothing

        return Fernet(self._key).encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text.

        Raises:
            StorageFailed: if another key sealed it, or it was changed.
        """
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Fernet(self._key).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise StorageFailed(
                "A secret of this server cannot be opened: it was sealed with another key.",
                hint="give AMLET_SECRET_KEY, or the home's key file, as it was; or attach the target again.",
            ) from error
