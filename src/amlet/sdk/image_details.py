"""What an environment was resolved to, in the words of v1's images (v1-behaviours 10.11)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from amlet.base.errors import NotFound
from amlet.base.paths import Home
from amlet.sdk.exceptions import as_v1

if TYPE_CHECKING:
    from amlet.domain.environment import EnvironmentSpec, Lock
    from amlet.sdk.environment import Environment
    from amlet.sdk.workspace import Workspace


class DockerImageDetails(Dict[str, Any]):
    """The lock of an environment: a dictionary whose keys are attributes too."""

    @property
    def image_exist(self) -> bool:
        """Whether it was resolved, so that a run of it starts at once or after a build."""
        return bool(self.get("image_exist"))

    @property
    def repository(self) -> Optional[str]:
        """A name for an image of these packages, made of the lock's id."""
        return self.get("repository")

    @property
    def registry(self) -> Optional[str]:
        """The registry of an image of the user's own."""
        return self.get("registry")

    @property
    def image(self) -> Optional[str]:
        """The image of the user's own that jobs run in; None when they run as processes."""
        return self.get("image")

    @property
    def dockerfile(self) -> Optional[str]:
        """A Dockerfile whose image has the same packages, each checked by its hash."""
        return self.get("dockerfile")

    @property
    def interpreter_path(self) -> Optional[str]:
        """The Python that runs jobs, where it is on this machine."""
        return self.get("interpreter_path")

    @property
    def environment_path(self) -> Optional[str]:
        """The folder of the build, where it is on this machine."""
        return self.get("environment_path")


def image_details(environment: Environment, workspace: Workspace) -> DockerImageDetails:
    """Find the lock of an environment's content among its versions; see `Environment.get_image_details`."""
    from amlet.domain.dockerfile import dockerfile_of

    spec, held = environment._to_spec(), workspace._connection
    with as_v1():
        lock = _lock_of(held, spec)
    container = spec.container
    image = None if container is None else (lock.image if lock is not None and lock.image else container.image)
    interpreter, folder = _places(lock)
    return DockerImageDetails(
        image_exist=lock is not None,
        repository=f"azureml/azureml_{lock.id}" if lock is not None else None,
        registry=environment.docker.base_image_registry.address if container is not None else None,
        image=image,
        dockerfile=dockerfile_of(lock, container) if lock is not None else None,
        interpreter_path=interpreter,
        environment_path=folder,
    )


def _lock_of(held: Any, spec: EnvironmentSpec) -> Optional[Lock]:
    """The lock of equal content under this name; None when it was never resolved."""
    from amlet.wire.environments import EnvironmentQuery

    api, key = held.client.environments, spec.content_key()
    found = []
    try:
        found.append(api.get(held.workspace_id, spec.name, EnvironmentQuery(spec.version)))
    except NotFound:
        return None
    found += reversed(api.versions(held.workspace_id, spec.name).environments)
    for record in found:
        if record.lock_id is not None and record.spec.content_key() == key:
            lock: Lock = api.lock(held.workspace_id, record.lock_id)
            return lock
    return None


def _places(lock: Optional[Lock]) -> Tuple[Optional[str], Optional[str]]:
    """Interpreter and folder of the lock's build, where they are on this machine."""
    if lock is None:
        return None, None
    if lock.interpreter is not None:
        return lock.interpreter, None
    folder = Home.find().environments / "builds" / lock.id
    python = folder / "bin" / "python"
    return (str(python), str(folder)) if os.access(python, os.X_OK) else (None, None)
