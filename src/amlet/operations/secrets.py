"""Secrets of a workspace: sealed, apart from everything else (v1-behaviours 17.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.names import SECRET
from amlet.store.base import Transaction

VALUE_LIMIT = 25_000
"""Characters of a secret: what v1's key vault took."""


def set_secrets(tx: Transaction, workspace_id: str, values: dict[str, str], *, seal: Callable[[str], str]) -> None:
    """Keep secrets, in the place of those of the same names; all or none."""
    tx.workspaces.get(workspace_id)
    faults = []
    for name, value in values.items():
        if not SECRET.allows(name):
            faults.append(FieldError(name[:100], f"cannot be the name of a secret: {SECRET.words}"))
        elif len(value) > VALUE_LIMIT:
            faults.append(FieldError(name, f"may have at most {VALUE_LIMIT:,} characters, has {len(value):,}"))
        elif any("\ud800" <= letter <= "\udfff" for letter in value):
            faults.append(FieldError(name, "its value is not valid Unicode"))
    if faults:
        raise InvalidInput.of(faults, subject="the secrets")
    for name, value in values.items():
        tx.secrets.save(workspace_id, _key(name), seal(value))


def get_secrets(
    tx: Transaction, workspace_id: str, asked: Sequence[str], *, unseal: Callable[[str], str]
) -> dict[str, str | None]:
    """The values by name; None for one that is not there."""
    found: dict[str, str | None] = {}
    for name in asked:
        sealed = tx.secrets.find(workspace_id, _key(name))
        found[name] = None if sealed is None else unseal(sealed)
    return found


def list_secrets(tx: Transaction, workspace_id: str) -> list[str]:
    """All names."""
    return [json.loads(key)[1] for key in tx.secrets.names(workspace_id, _BEGINNING)]


def delete_secrets(tx: Transaction, workspace_id: str, names: Sequence[str]) -> None:
    """Forget them; those that are not there are no error."""
    for name in names:
        tx.secrets.delete(workspace_id, _key(name))


def _key(name: str) -> str:
    return json.dumps(["vault", name])


_BEGINNING = '["vault", '
