"""Keys and tokens of services: sealed at rest, given out only here; replicas hold what they compare with."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from amlet.base.errors import Conflict, InvalidInput
from amlet.domain.deployment import BY_KEY, BY_TOKEN, OPEN
from amlet.domain.service import Service
from amlet.domain.service_token import issue
from amlet.operations.check_deployment import faults_of_key
from amlet.operations.service_records import find_service, touch_service
from amlet.store.base import Transaction
from amlet.wire.services import PRIMARY, SECONDARY, RegenerateKey, ServiceKeys, ServiceToken

Seal = Callable[[str], str]
Open = Callable[[str], str]

KEY_BYTES = 24
"""Of a key that we make: 32 characters, as v1's had."""
TOKEN_S = 12 * 3600
REFRESH_S = 9 * 3600


class _Held(NamedTuple):
    primary: str
    secondary: str
    token_secret: str


class Access(NamedTuple):
    """What a replica compares with; without keys and without a secret of tokens the service is open."""

    key_hashes: list[str] | None = None
    token_secret: str | None = None
    router_secret: str = ""
    """What the router of a service over several nodes shows, and what no client knows; empty for all others."""


def ensure(
    tx: Transaction, service: Service, given: tuple[str | None, str | None], *, seal: Seal, unseal: Open
) -> None:
    """See that a service that is not open has keys; those that are given take the place of what there is.

    A service that was open and is closed again has the keys that it had.
    """
    held = _find(tx, service.workspace_id, service.name, unseal)
    if given == (None, None) and (held is not None or service.deployment.auth == OPEN):
        return
    before = held or _Held(_new(), _new(), secrets.token_urlsafe(48))
    made = before._replace(primary=given[0] or before.primary, secondary=given[1] or before.secondary)
    _save(tx, service.workspace_id, service.name, made, seal)


def keys_of(tx: Transaction, workspace_id: str, name: str, *, unseal: Open) -> ServiceKeys:
    """Both keys.

    Raises:
        Conflict: for a service that needs none.
    """
    held = _needed(tx, find_service(tx, workspace_id, name).service, BY_KEY, unseal)
    return ServiceKeys(held.primary, held.secondary)


def regenerate(
    tx: Transaction, workspace_id: str, name: str, asked: RegenerateKey, *, seal: Seal, unseal: Open
) -> ServiceKeys:
    """Put another key in the place of one of the two. The other one opens the service all the while.

    Raises:
        InvalidInput: for neither of the two, or a key that no header carries.
        Conflict: for a service that needs none.
    """
    if asked.which not in (PRIMARY, SECONDARY):
        raise InvalidInput(f"{asked.which[:50]!r} is neither {PRIMARY} nor {SECONDARY}.")
    if faults := faults_of_key("key", asked.key):
        raise InvalidInput.of(faults)
    record = find_service(tx, workspace_id, name)
    held = _needed(tx, record.service, BY_KEY, unseal)
    held = held._replace(**{asked.which: asked.key or _new()})
    _save(tx, workspace_id, name, held, seal)
    touch_service(tx, record)
    return ServiceKeys(held.primary, held.secondary)


def token_of(tx: Transaction, workspace_id: str, name: str, now: datetime, *, unseal: Open) -> ServiceToken:
    """A fresh token.

    Raises:
        Conflict: for a service that takes none.
    """
    held = _needed(tx, find_service(tx, workspace_id, name).service, BY_TOKEN, unseal)
    expires = (now + timedelta(seconds=TOKEN_S)).replace(microsecond=0)
    token = issue(held.token_secret, expires_at_s=int(expires.timestamp()))
    return ServiceToken(token, expires, now + timedelta(seconds=REFRESH_S))


def access_of(tx: Transaction, workspace_id: str, name: str, *, unseal: Open) -> Access:
    """What the replicas of a service, or of an endpoint's versions, compare with."""
    record = tx.services.find(workspace_id, name)
    auth = OPEN if record is None else record.service.deployment.auth
    if record is None or auth == OPEN:
        return Access()
    held = _needed(tx, record.service, auth, unseal)
    if auth == BY_TOKEN:
        return Access(None, held.token_secret)
    return Access([hashlib.sha256(key.encode("ascii")).hexdigest() for key in (held.primary, held.secondary)])


def ensure_router_secret(tx: Transaction, workspace_id: str, name: str, *, seal: Seal) -> None:
    """See that the router of a service over several nodes has something to show."""
    if tx.secrets.find(workspace_id, _router_name(name)) is None:
        tx.secrets.save(workspace_id, _router_name(name), seal(secrets.token_urlsafe(48)))


def router_secret(tx: Transaction, workspace_id: str, name: str, *, unseal: Open) -> str:
    """What a service's router, or an endpoint's, shows to replicas on other nodes; empty where there are none.

    Raises:
        StorageFailed: another server's key sealed it.
    """
    sealed = tx.secrets.find(workspace_id, _router_name(name))
    return unseal(sealed) if sealed is not None else ""


def forget(tx: Transaction, workspace_id: str, name: str) -> None:
    """The service goes, and its keys with it."""
    tx.secrets.delete(workspace_id, _secret_name(name))
    tx.secrets.delete(workspace_id, _router_name(name))


def _needed(tx: Transaction, service: Service, auth: str, unseal: Open) -> _Held:
    if service.deployment.auth != auth:
        what = {BY_KEY: "keys", BY_TOKEN: "tokens"}[auth]
        ways = {OPEN: "it is open to all on this machine", BY_KEY: "it takes keys", BY_TOKEN: "it takes tokens"}
        raise Conflict(
            f'Service "{service.name}" takes no {what}: {ways[service.deployment.auth]}.',
            hint=f"deploy or update it with {'auth_enabled' if auth == BY_KEY else 'token_auth_enabled'}=True.",
        )
    held = _find(tx, service.workspace_id, service.name, unseal)
    assert held is not None, "made with the service"
    return held


def _find(tx: Transaction, workspace_id: str, name: str, unseal: Open) -> _Held | None:
    sealed = tx.secrets.find(workspace_id, _secret_name(name))
    return _Held(*json.loads(unseal(sealed))) if sealed is not None else None


def _save(tx: Transaction, workspace_id: str, name: str, held: _Held, seal: Seal) -> None:
    tx.secrets.save(workspace_id, _secret_name(name), seal(json.dumps(held)))


def _new() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def _secret_name(name: str) -> str:
    return json.dumps(["service", name])


def _router_name(name: str) -> str:
    return json.dumps(["router", name])
