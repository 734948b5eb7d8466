"""Environments: the spec that was asked for, and the lock it resolves to."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Dict, List, NamedTuple, Optional

from amlet.base.hashing import sha256_bytes


class Container(NamedTuple):
    """The container that a job of the environment runs in, where the user names one of their own."""

    image: Optional[str] = None
    """A reference as `podman pull` takes it; None when a Dockerfile makes it."""
    dockerfile: Optional[str] = None
    """The text of a Dockerfile without a build context."""
    shm_size: Optional[str] = None
    """Size of /dev/shm, `2g`."""
    arguments: List[str] = []
    """More arguments for `podman run`, as the user wrote them."""


class EnvironmentSpec(NamedTuple):
    """What a user asked for, before anything is resolved."""

    name: str
    version: Optional[str] = None
    python: Optional[str] = None
    """As written, `3.6.2` or `3.8`; None when the spec names no Python."""
    conda: List[str] = []
    """Conda's dependencies but python and pip, as written: `scikit-learn`, `numpy=1.19`."""
    pip: List[str] = []
    """Lines of pip's list as written, options and comments included."""
    channels: List[str] = []
    variables: Dict[str, str] = {}
    """Environment variables of the job."""
    user_managed: bool = False
    """Nothing is built: `interpreter` runs the job."""
    interpreter: str = "python"
    strict: bool = False
    """Every relaxation is an error."""
    container: Optional[Container] = None

    def content_key(self) -> str:
        """A digest of what decides the packages: not the name, version or variables (v1-behaviours 10.14)."""
        content: List[object] = [self.python, self.conda, self.pip, self.channels, self.user_managed]
        content += [self.interpreter, self.strict]
        if self.container is not None:
            content.append([self.container.image, self.container.dockerfile])
        return sha256_bytes(json.dumps(content).encode("utf-8"))


class Package(NamedTuple):
    """One resolved distribution."""

    name: str
    version: str


class CondaFile(NamedTuple):
    """One package of a conda channel."""

    url: str
    """Where its file lies, without logins."""
    sha256: str
    name: str
    version: str


class Lock(NamedTuple):
    """Exact packages for one Python on one platform. Its id is a digest of all that decides the build."""

    id: str
    python: str
    """Minor version, `3.8`."""
    platform: str
    """`linux-x86_64`."""
    requirements: str
    """The text of a requirements file with a hash for every file that may be installed."""
    packages: List[Package]
    as_of: Optional[str] = None
    """Packages are as of this day (`2020-10-15`), or today's when None."""
    notes: List[str] = []
    """What was mapped, relaxed or left out, a sentence each."""
    interpreter: Optional[str] = None
    """For an environment the user manages: the interpreter, used as it is."""
    conda: List[CondaFile] = []
    """What a conda program or py-rattler installs before `requirements`, the Python among it; empty as a rule."""
    indexes: List[str] = []
    """The package indexes that it was resolved against, without logins."""
    image: Optional[str] = None
    """For a container of the user's own: the exact image, `sha256:…`, or the digest of its Dockerfile's text."""

    @property
    def is_managed_by_user(self) -> bool:
        """Whether it names an interpreter of the machine that it was made for, and nothing else."""
        return self.interpreter is not None and self.image is None

    def version_of(self, package: str) -> Optional[str]:
        """The resolved version of a package, or None when it is not in the lock."""
        return next((held.version for held in self.packages if held.name == package), None)


QUEUED, RUNNING, SUCCEEDED, FAILED = "Queued", "Running", "Succeeded", "Failed"
"""v1-behaviours 10.11."""


class EnvironmentBuild(NamedTuple):
    """One request to resolve and build an environment, apart from any run."""

    id: str
    workspace_id: str
    spec: EnvironmentSpec
    anew: bool
    """Resolve again, though the content was resolved before."""
    status: str
    error: Optional[str]
    lock_id: Optional[str]
    requested: datetime
    ended: Optional[datetime]
    offline: bool = False
    """Take what the cache has, and ask no index."""

    @property
    def is_over(self) -> bool:
        return self.status in (SUCCEEDED, FAILED)


def lock_of(
    python: str,
    platform: str,
    requirements: str,
    packages: List[Package],
    *,
    as_of: Optional[str] = None,
    notes: Optional[List[str]] = None,
    interpreter: Optional[str] = None,
    conda: Optional[List[CondaFile]] = None,
    indexes: Optional[List[str]] = None,
    image: Optional[str] = None,
) -> Lock:
    """A lock with its id derived from what decides the build: Python, platform, exact files, interpreter, image."""
    text = "\n".join((python, platform, requirements, interpreter or ""))
    if conda or image:
        text = "\n".join((text, image or "", *(f"{held.url}#{held.sha256}" for held in conda or [])))
    return Lock(
        sha256_bytes(text.encode("utf-8"))[:32],
        python,
        platform,
        requirements,
        packages,
        as_of,
        notes or [],
        interpreter,
        conda or [],
        indexes or [],
        image,
    )
