"""Datastores: register, find, choose the default, unregister. What is signed in with lies apart, sealed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.domain import data
from amlet.domain.data import Datastore
from amlet.operations.texts import faults_of_label
from amlet.store.base import Transaction
from amlet.wire.data import CreateDatastore

SETTINGS = {
    data.FOLDER: (("path",), ()),
    data.AZURE_BLOB: (("account_name", "container_name"), ("protocol", "endpoint")),
    data.AZURE_FILE: (("account_name", "container_name"), ("protocol", "endpoint")),
    data.AZURE_DATA_LAKE_GEN2: (
        ("account_name", "container_name"),
        ("protocol", "endpoint", "tenant_id", "client_id", "authority_url", "resource_url"),
    ),
    data.S3: (("bucket",), ("prefix", "endpoint_url", "region", "access_key_id")),
    data.AZURE_SQL: (("server_name", "database_name"), ("endpoint", "username", "port_number")),
    data.POSTGRESQL: (("server_name", "database_name"), ("endpoint", "user_id", "port_number", "enforce_ssl")),
    data.MYSQL: (("server_name", "database_name"), ("endpoint", "user_id", "port_number")),
}
"""What each kind needs, and what it may have."""

CREDENTIALS = {
    "account_key": "AccountKey",
    "sas_token": "Sas",
    "client_secret": "ClientCredentials",
    "secret_access_key": "AccessKey",
    "password": "SqlAuthentication",
    "user_password": "SqlAuthentication",
}
"""Each secret by its name, and what v1 calls signing in with it."""

VALUE_LIMIT = 4_000

Seal = Callable[[str], str]
Open = Callable[[str], str]


class Opened(NamedTuple):
    """A datastore with what it is signed in with."""

    datastore: Datastore
    credentials: dict[str, str]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.datastore!r}, ...)"


def workspace_stores(tx: Transaction, workspace_id: str, now: datetime) -> None:
    """Give a new workspace the two datastores that every one has."""
    for name in data.WORKSPACE_STORES:
        is_default = name == data.WORKSPACE_BLOB_STORE
        tx.datastores.save(Datastore(workspace_id, name, data.FOLDER, {}, "None", now, is_default))


def check_datastore(name: str, asked: CreateDatastore) -> None:
    """
    Raises:
        InvalidInput: with every fault of what is asked.
    """
    names.DATASTORE.check(name)
    if asked.kind not in SETTINGS:
        raise InvalidInput(f"{asked.kind[:100]!r} is no kind of datastore: it is one of {', '.join(SETTINGS)}.")
    needed, allowed = SETTINGS[asked.kind]
    faults = [FieldError(key, "is missing") for key in needed if not asked.settings.get(key)]
    for key, value in asked.settings.items():
        if key not in needed and key not in allowed:
            faults.append(FieldError(key[:100], f"is no setting of {asked.kind}"))
        else:
            faults += faults_of_label(key, value, VALUE_LIMIT)
    for key, value in asked.credentials.items():
        if key not in CREDENTIALS:
            faults.append(FieldError(key[:100], f"is no secret: known are {', '.join(CREDENTIALS)}"))
        elif not value or len(value) > VALUE_LIMIT:
            faults.append(FieldError(key, f"must have 1 to {VALUE_LIMIT:,} characters"))
    if faults:
        raise InvalidInput.of(faults, subject=f'datastore "{name}"')


def check_name(tx: Transaction, workspace_id: str, name: str, *, overwrite: bool) -> None:
    """
    Raises:
        Conflict: the name is taken.
    """
    tx.workspaces.get(workspace_id)
    if name in data.WORKSPACE_STORES:
        raise Conflict(f'Every workspace has its own "{name}".', hint="choose another name.")
    if not overwrite and tx.datastores.find(workspace_id, name) is not None:
        raise Conflict(
            f'Another datastore with the same name already exists: "{name}".', hint="pass overwrite=True to replace it."
        )


def create_datastore(
    tx: Transaction, workspace_id: str, name: str, asked: CreateDatastore, now: datetime, *, seal: Seal
) -> Datastore:
    """Register a datastore, or replace the one of that name where `overwrite` says so.

    Args:
        seal: Makes of a secret what the records may hold.
    """
    check_datastore(name, asked)
    check_name(tx, workspace_id, name, overwrite=asked.overwrite)
    earlier = tx.datastores.find(workspace_id, name)
    kinds = [CREDENTIALS[key] for key in CREDENTIALS if key in asked.credentials]
    made = Datastore(
        workspace_id,
        name,
        asked.kind,
        asked.settings,
        kinds[0] if kinds else "None",
        now,
        earlier is not None and earlier.is_default,
    )
    tx.datastores.save(made)
    tx.secrets.delete(workspace_id, _secret_name(name))
    if asked.credentials:
        tx.secrets.save(workspace_id, _secret_name(name), seal(json.dumps(asked.credentials)))
    return made


def find_datastore(tx: Transaction, workspace_id: str, name: str) -> Datastore:
    """The datastore of that name; NotFound with the nearest one."""
    found = tx.datastores.find(workspace_id, name)
    if found is None:
        known = [held.name for held in tx.datastores.list(workspace_id)]
        raise NotFound(
            f'There is no datastore "{name[:300]}" in this workspace.',
            hint=names.closest(name, known) + "it has: " + ", ".join(known) + ".",
        )
    return found


def open_datastore(tx: Transaction, workspace_id: str, name: str, unseal: Open) -> Opened:
    """The datastore with its secrets, for the server alone."""
    found = find_datastore(tx, workspace_id, name)
    sealed = tx.secrets.find(workspace_id, _secret_name(name))
    return Opened(found, json.loads(unseal(sealed)) if sealed is not None else {})


def set_default(tx: Transaction, workspace_id: str, name: str) -> None:
    """Make it the workspace's default."""
    chosen = find_datastore(tx, workspace_id, name)
    for held in tx.datastores.list(workspace_id):
        if held.is_default != (held.name == chosen.name):
            tx.datastores.save(held._replace(is_default=held.name == chosen.name))


def unregister(tx: Transaction, workspace_id: str, name: str) -> None:
    """Forget a datastore and its secrets; its data stays.

    Raises:
        Conflict: for those that every workspace has.
    """
    found = find_datastore(tx, workspace_id, name)
    if name in data.WORKSPACE_STORES:
        raise Conflict(f'"{name}" is the workspace\'s own: it cannot be unregistered.')
    tx.datastores.delete(workspace_id, name)
    tx.secrets.delete(workspace_id, _secret_name(name))
    if found.is_default:
        set_default(tx, workspace_id, data.WORKSPACE_BLOB_STORE)


def _secret_name(name: str) -> str:
    return json.dumps(["datastore", name])
