"""Tokens of a service: who holds one may ask for predictions until it expires."""

from __future__ import annotations

import base64
import hashlib
import hmac

_HEAD = "amlst1"


def issue(secret: str, *, expires_at_s: int) -> str:
    """A token that ends at a time.

    Args:
        secret: The service's own, of at least 32 random bytes; only its replicas and the server know it.
        expires_at_s: Seconds since 1970.
    """
    return f"{_HEAD}.{expires_at_s}.{_signature(secret, expires_at_s)}"


def is_valid(secret: str, token: str, *, now_s: float) -> bool:
    """Whether the token was issued with this secret, unchanged, and has not expired."""
    head, _, rest = token.partition(".")
    expires, _, signature = rest.partition(".")
    if head != _HEAD or not (expires.isascii() and expires.isdigit()) or len(expires) > 12:
        return False
    fits = hmac.compare_digest(_signature(secret, int(expires)).encode("ascii"), signature.encode("utf-8", "replace"))
    return fits and now_s < int(expires)


def _signature(secret: str, expires_at_s: int) -> str:
    signed = hmac.new(secret.encode("utf-8"), f"{_HEAD}.{expires_at_s}".encode("ascii"), hashlib.sha256)
    return base64.urlsafe_b64encode(signed.digest()).decode("ascii").rstrip("=")
