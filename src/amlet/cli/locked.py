"""What a command line means by something locked: an environment, a file of packages, a run, a model."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed, InvalidInput, NotFound
from amlet.base.names import ENVIRONMENT, MODEL
from amlet.cli.find_run import find_run
from amlet.cli.terminal import Terminal
from amlet.domain.environment import SUCCEEDED, EnvironmentSpec, Lock
from amlet.sdk.connection import Connection
from amlet.sdk.environment import Environment
from amlet.wire.environments import BuildEnvironment, BuildQuery, EnvironmentQuery, EnvironmentRecord
from amlet.wire.models import ModelQuery

WAIT_S = 30.0

FILES = (".yml", ".yaml", ".txt")
"""What ends so is a file of packages."""


class Locked(NamedTuple):
    """A lock, and whose it is."""

    title: str
    lock: Lock


def find_locked(held: Connection, text: str, log: Terminal, folder: Path) -> Locked:
    """The lock that `text` means: `ENVIRONMENT`, `ENVIRONMENT:VERSION`, a yaml or requirements file, `run:ID`, a run's
    id or its end, `model:NAME`, `model:NAME:VERSION`. An environment that nobody used yet is resolved first.

    Raises:
        NotFound: nothing bears the name.
        EnvironmentFailed: it cannot be resolved.
    """
    kind, _, rest = text.partition(":")
    if kind == "run":
        return _of_run(held, rest)
    if kind == "model":
        return _of_model(held, rest)
    if Path(text).suffix in FILES:
        return Locked(text, build(held, from_file(folder / text), log))
    try:
        record = find_environment(held, text)
    except NotFound as missing:
        try:
            return _of_run(held, text)
        except (NotFound, InvalidInput):
            raise missing from None
    title = f"{record.spec.name}:{record.spec.version}" if record.spec.version else record.spec.name
    if record.lock_id is not None:
        return Locked(title, held.client.environments.lock(held.workspace_id, record.lock_id))
    return Locked(title, build(held, record.spec, log))


def find_environment(held: Connection, text: str) -> EnvironmentRecord:
    """The environment of `NAME` or `NAME:VERSION`."""
    name, _, version = text.partition(":")
    ENVIRONMENT.check(name)
    return held.client.environments.get(held.workspace_id, name, EnvironmentQuery(version or None))


def from_file(path: Path) -> EnvironmentSpec:
    """The spec of a conda yaml or a requirements file."""
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", hint="name an environment, or a yaml or requirements file.")
    name = path.stem if ENVIRONMENT.allows(path.stem) else "file"
    ways_in = Environment.from_pip_requirements if path.suffix == ".txt" else Environment.from_conda_specification
    return ways_in(name, path)._to_spec()


def build(held: Connection, spec: EnvironmentSpec, log: Terminal, *, anew: bool = False, offline: bool = False) -> Lock:
    """Resolve and build at the server, its log on the terminal.

    Raises:
        EnvironmentFailed: with its reason.
    """
    api = held.client.environments
    asked = api.build(held.workspace_id, BuildEnvironment(spec, anew, offline))
    offset = 0
    while True:
        state = api.build_state(held.workspace_id, asked.id, BuildQuery(offset, WAIT_S))
        log.write(log.faint(state.log) if state.log else "")
        offset = state.next_offset
        if state.build.is_over and not state.log:
            break
    if state.build.status != SUCCEEDED or state.lock is None:
        raise EnvironmentFailed(f'Environment "{spec.name}" could not be built.', hint="its log is above.")
    return state.lock


def _of_run(held: Connection, text: str) -> Locked:
    run = find_run(held, text)
    if run.lock_id is None:
        raise NotFound(f"Run {run.id} has no lock.", hint="it was interactive, or its environment was never resolved.")
    return Locked(run.id, held.client.environments.lock(held.workspace_id, run.lock_id))


def _of_model(held: Connection, text: str) -> Locked:
    name, _, version = text.partition(":")
    MODEL.check(name)
    if version and not version.isdecimal():
        raise InvalidInput(f"{version!r} is no version of a model.", hint="name it as model:NAME:3.")
    if version:
        model = held.client.models.get(held.workspace_id, name, int(version))
    else:
        found = held.client.models.list(held.workspace_id, ModelQuery(name=name, latest=True)).models
        if not found:
            raise NotFound(f'There is no model "{name}".', hint="name it as model:NAME or model:NAME:3.")
        model = found[0]
    if model.lock_id is None:
        raise NotFound(f"Model {model.id} has no lock.", hint="it was registered from files, not from a submitted run.")
    return Locked(model.id, held.client.environments.lock(held.workspace_id, model.lock_id))
