"""The image of an environment: v1's own means no container, the user's is what jobs run in (v1-behaviours 10.3)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, List, Optional

from amlet.domain.environment import Container
from amlet.sdk.build_context import DockerBuildContext
from amlet.sdk.config_element import ConfigElement
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import warn

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
"""v1-behaviours 10.1. Its place is taken by the interpreters of the machine."""
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04:latest"
DEFAULT_SHM_SIZE = "2g"

_OF_V1 = re.compile(r"mcr\.microsoft\.com/azureml/(base|base-gpu|intelmpi|openmpi|minimal)[\w.\-]*([:@].*)?")
"""The images that v1's versions wrote into every configuration: an operating system, MPI and conda."""


def is_of_v1(image: str) -> bool:
    """Whether an image is one that v1 built environments on, with nothing of the user's in it."""
    return _OF_V1.fullmatch(image) is not None


class DockerImagePlatform(ConfigElement):
    """v1's platform of an image: kept and given back."""

    def __init__(self) -> None:
        self.os: Optional[str] = "Linux"
        self.architecture: Optional[str] = "amd64"
        self._close()


class DockerSection(ConfigElement):
    """The image that jobs of an environment run in.

    v1's own base images mean no container: a job is a process in its own build. An image or Dockerfile of the user's
    is run by `podman` or `docker` on the machine of the job. Of `base_image`, `base_dockerfile` and `build_context`
    one is set; setting another takes it away.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._base_image: Optional[str] = DEFAULT_CPU_IMAGE
        self._base_dockerfile: Optional[str] = None
        self._build_context: Optional[DockerBuildContext] = None
        self.base_image_registry = ContainerRegistry()
        self.platform = DockerImagePlatform()
        self.enabled = False
        """Chooses nothing: an image of the user's own is used, v1's is not."""
        self.shared_volumes = True
        self.gpu_support = False
        self.shm_size: Optional[str] = DEFAULT_SHM_SIZE
        self.arguments: List[str] = []
        """More arguments for `podman run` or `docker run`."""
        self._close()
        for name, value in kwargs.items():
            setattr(self, name, value)

    @property
    def base_image(self) -> Optional[str]:
        """The image, as `podman pull` takes it."""
        return self._base_image

    @base_image.setter
    def base_image(self, value: Optional[str]) -> None:
        self._take_place("base_image", value)

    @property
    def base_dockerfile(self) -> Optional[str]:
        """The text of a Dockerfile that needs no build context. Set it to the text, a file's path or an open file."""
        return self._base_dockerfile

    @base_dockerfile.setter
    def base_dockerfile(self, value: Any) -> None:
        self._take_place("base_dockerfile", _text_of(value))

    @property
    def build_context(self) -> Optional[DockerBuildContext]:
        """A folder with a Dockerfile; see `DockerBuildContext.from_local_directory`."""
        return self._build_context

    @build_context.setter
    def build_context(self, value: Optional[DockerBuildContext]) -> None:
        self._take_place("build_context", value)

    def __repr__(self) -> str:
        names = ("base_image", "base_dockerfile", "build_context", *(name for name in vars(self) if name[0] != "_"))
        return f"DockerSection({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def _take_place(self, name: str, value: Any) -> None:
        for other in ("base_image", "base_dockerfile", "build_context"):
            held = getattr(self, "_" + other)
            if value is not None and other != name and held is not None:
                if held != DEFAULT_CPU_IMAGE:
                    warn(f"docker.{other} is now None: docker.{name} is set, and only one of them can be.")
                setattr(self, "_" + other, None)
        setattr(self, "_" + name, value)

    def _has_own_image(self) -> bool:
        """Whether jobs run in a container."""
        image = self._base_image
        named = bool(image) and not (isinstance(image, str) and is_of_v1(image))
        return named or bool(self._base_dockerfile) or self._build_context is not None

    def _container(self) -> Optional[Container]:
        """What the server gets to know; None for v1's own images.

        Raises:
            FileNotFoundError: if a build context has no Dockerfile.
            UserErrorException: for a Dockerfile that cannot be built from its text alone.
        """
        if not self._has_own_image():
            return None
        image: Optional[str] = None
        dockerfile: Optional[str] = None
        if self._build_context is not None:
            dockerfile = self._build_context._text()
        elif self._base_dockerfile:
            dockerfile = _checked(self._base_dockerfile)
        else:
            image = self.base_image_registry._reference(str(self._base_image))
        return Container(image, dockerfile, self.shm_size, [str(item) for item in self.arguments or ()])

    def _set_container(self, container: Container) -> None:
        self._base_image, self._base_dockerfile = container.image, container.dockerfile
        self.shm_size, self.arguments = container.shm_size, list(container.arguments)


class DockerEnvironment(DockerSection):
    """v1's older name of DockerSection."""

    def __init__(self) -> None:
        super().__init__()


def _text_of(value: Any) -> Optional[str]:
    if value is None:
        return None
    if hasattr(value, "read"):
        content = value.read()
        return content.decode("utf-8") if isinstance(content, bytes) else str(content)
    if isinstance(value, Path):
        return value.read_bytes().decode("utf-8-sig")
    if not isinstance(value, str):
        raise UserErrorException(
            f"base_dockerfile must be a Dockerfile's text, path or open file, not {type(value).__name__}."
        )
    return _text_of(Path(value)) if _is_file(value) else value


def _is_file(text: str) -> bool:
    try:
        return "\n" not in text and Path(text).is_file()
    except (OSError, ValueError):  # too long for a path, or a NUL in it
        return False


def _checked(text: str) -> str:
    from amlet.domain.dockerfile import faults_of_dockerfile

    faults = faults_of_dockerfile(text)
    if not faults:
        return text
    if faults[0].line == 0 and "\n" not in text.strip():
        raise UserErrorException(
            f"base_dockerfile {text.strip()[:200]!r} is no file and no Dockerfile: {faults[0].message}.",
            hint="give the path of a Dockerfile, or its text.",
        )
    told = "; ".join(f"line {fault.line}: {fault.message}" if fault.line else fault.message for fault in faults)
    raise UserErrorException(
        f"base_dockerfile cannot be built from its text alone: {told}.",
        hint="build the image yourself and name it: env.docker.base_image = 'localhost/my-image'.",
    )
