"""Environments as records: register, find, list; versions as v1 gives them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.base.urls import without_login
from amlet.domain.environment import EnvironmentSpec
from amlet.operations.texts import faults_of_argument, faults_of_label, faults_of_variables
from amlet.store.base import Transaction
from amlet.wire.environments import EnvironmentRecord, Environments

_NUMBER = re.compile(r"[0-9]{1,9}")

Catalogue = Callable[[str], "EnvironmentSpec | None"]
"""The curated environment of a name, or None."""

RESERVED = ("azureml", "microsoft")
"""Names that begin so are curated ones (v1-behaviours 10.9)."""


LINE_LIMIT = 10_000
DOCKERFILE_LIMIT = 1_000_000


_LOGIN = (
    "has a login in its address, which every record of a run would keep: put it into ~/.netrc on the server's machine, "
    "or start the server with UV_DEFAULT_INDEX or UV_INDEX set to the whole address"
)


def check_spec(spec: EnvironmentSpec) -> list[FieldError]:
    """Faults of what records and processes could not carry; what the packages' lines mean is seen at resolving.

    Raises:
        InvalidInput: for a name that is none.
    """
    names.ENVIRONMENT.check(spec.name)
    faults = faults_of_variables("variables", spec.variables) + faults_of_label("version", spec.version or "", 255)
    faults += faults_of_argument("interpreter", spec.interpreter)
    for field in ("conda", "pip", "channels"):
        for number, line in enumerate(getattr(spec, field)):
            path = f"{field}[{number}]"
            if len(line) > LINE_LIMIT:
                faults.append(FieldError(path, f"may have at most {LINE_LIMIT:,} characters, has {len(line):,}"))
            faults += faults_of_argument(path, line)
            if without_login(line) != line:
                faults.append(FieldError(path, f"{without_login(line)[:200]!r} {_LOGIN}"))
    held = spec.container
    if held is not None:
        if (held.image is None) == (held.dockerfile is None):
            faults.append(FieldError("container", "needs an image or a Dockerfile, and not both"))
        if len(held.dockerfile or "") > DOCKERFILE_LIMIT:
            faults.append(FieldError("container.dockerfile", f"may have at most {DOCKERFILE_LIMIT:,} characters"))
        texts = {"image": held.image, "dockerfile": held.dockerfile, "shm_size": held.shm_size}
        for field, text in texts.items():
            faults += faults_of_argument(f"container.{field}", text or "")
        for number, text in enumerate(held.arguments):
            faults += faults_of_argument(f"container.arguments[{number}]", text)
    return faults


def register_environment(tx: Transaction, workspace_id: str, spec: EnvironmentSpec, now: datetime) -> EnvironmentRecord:
    """Make the next version; one that has not changed keeps its version."""
    tx.workspaces.get(workspace_id)
    faults = check_spec(spec)
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

    The automatic version has v1's form (v1-behaviours 10.10). One that was edited since it was registered gets it too,
    since the records say for ever what a version was.
    """
    if spec.version is not None:
        known = tx.environments.get(workspace_id, spec.name, spec.version)
        if known is None:
            tx.environments.add(workspace_id, spec, now)
        if known is None or known == spec:
            return spec
        spec = spec._replace(version=None)
    for held in reversed(tx.environments.versions(workspace_id, spec.name)):
        if held._replace(version=None) == spec:
            return held
    made = spec._replace(version=f"Autosave_{now:%Y-%m-%dT%H:%M:%SZ}_{os.urandom(4).hex()}")
    tx.environments.add(workspace_id, made, now)
    return made


def environment_versions(tx: Transaction, workspace_id: str, name: str) -> list[EnvironmentRecord]:
    """Every registered version, oldest first; none for a name that only the catalogue has."""
    return [EnvironmentRecord(spec, curated=False) for spec in tx.environments.versions(workspace_id, name)]
