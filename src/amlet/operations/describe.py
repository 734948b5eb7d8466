"""Environments as records: register, find, list; versions as v1 gives them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.environment import EnvironmentSpec
from amlet.operations.texts import faults_of_label, faults_of_variables
from amlet.store.base import Transaction
from amlet.wire.environments import EnvironmentRecord, Environments

_NUMBER = re.compile(r"[0-9]{1,9}")

Catalogue = Callable[[str], "EnvironmentSpec | None"]
"""The curated environment of a name, or None."""

RESERVED = ("azureml", "microsoft")
"""Names that begin so are curated ones (v1-behaviours 10.9)."""


def register_environment(tx: Transaction, workspace_id: str, spec: EnvironmentSpec, now: datetime) -> EnvironmentRecord:
    """Make the next version; one that has not changed keeps its version."""
    tx.workspaces.get(workspace_id)
    names.ENVIRONMENT.check(spec.name)
    faults = faults_of_variables("variables", spec.variables) + faults_of_label("version", spec.version or "", 255)
    if faults:
        raise InvalidInput.of(faults, subject="the environment")
    if spec.name.lower().startswith(RESERVED):
        raise InvalidInput(
            f'"{spec.name}" cannot be registered: names that begin with AzureML or Microsoft are curated ones.',
            hint='give it a name of your own: env.clone("my-env").register(ws).',
        )
    kept = tx.environments.versions(workspace_id, spec.name)
    if spec.version is not None:
        same = next((held for held in kept if held.version == spec.version), None)
        if same is None:
            tx.environments.add(workspace_id, spec, now)
        elif same != spec:
            raise Conflict(
                f'Version {spec.version} of environment "{spec.name}" is there with other content.',
                hint="leave the version out: the next one is made.",
            )
        return EnvironmentRecord(spec, curated=False)
    numbered = [held for held in kept if held.version and _NUMBER.fullmatch(held.version)]
    if numbered and numbered[-1]._replace(version=None) == spec:
        return EnvironmentRecord(numbered[-1], curated=False)
    made = spec._replace(version=str(max([len(numbered), *(int(held.version or 0) for held in numbered)]) + 1))
    tx.environments.add(workspace_id, made, now)
    return EnvironmentRecord(made, curated=False)


def find_environment(
    tx: Transaction, workspace_id: str, name: str, version: str | None, catalogue: Catalogue, curated: Sequence[str]
) -> EnvironmentRecord:
    """A registered environment, else a curated one of that name (v1-behaviours 0.2, 10.9)."""
    spec = tx.environments.get(workspace_id, name, version)
    if spec is not None:
        return EnvironmentRecord(spec, curated=False)
    found = catalogue(name)
    if found is not None:
        return EnvironmentRecord(found, curated=True)
    kept = [held.name for held in tx.environments.latest(workspace_id)]
    what = f'version {version} of environment "{name}"' if version and name in kept else f'environment "{name}"'
    raise NotFound(
        f"There is no {what} in this workspace, nor a curated one of that name.",
        hint=names.closest(name, [*kept, *curated]) + "Environment.list(ws) shows all.",
    )


def list_environments(tx: Transaction, workspace_id: str, curated: Sequence[EnvironmentSpec]) -> Environments:
    """The latest version of each, curated ones after the workspace's own."""
    own = [EnvironmentRecord(spec, curated=False) for spec in tx.environments.latest(workspace_id)]
    return Environments(own + [EnvironmentRecord(spec, curated=True) for spec in curated])


def version_for(tx: Transaction, workspace_id: str, spec: EnvironmentSpec, now: datetime) -> EnvironmentSpec:
    """The spec with a version: its own, that of equal content under its name, else a new automatic one.

    The automatic version has v1's form (v1-behaviours 10.10).
    """
    if spec.version is not None:
        return spec
    for held in reversed(tx.environments.versions(workspace_id, spec.name)):
        if held._replace(version=None) == spec:
            return held
    made = spec._replace(version=f"Autosave_{now:%Y-%m-%dT%H:%M:%SZ}_{os.urandom(4).hex()}")
    tx.environments.add(workspace_id, made, now)
    return made
