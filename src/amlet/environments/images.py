"""Images: those that users name, pulled once, and those that their Dockerfiles make, built once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from amlet.base.container_limits import ulimits
from amlet.base.errors import EnvironmentFailed
from amlet.base.hashing import sha256_bytes
from amlet.base.units import human_seconds
from amlet.domain.environment import Container
from amlet.environments.container_program import Program, ask, last_line, run_long
from amlet.environments.failures import FULL_LOG
from amlet.environments.once import is_whole, make_once

Log = Callable[[str], None]

TIMEOUT_S = 2 * 3600.0
"""For a pull or a build: images of tens of gigabytes are common, and not every network is fast."""


def described(container: Container) -> str:
    """The container's image as error messages name it."""
    return f'the image "{container.image}"' if container.image is not None else "an image of your Dockerfile's"


class Images:
    """The images of one container program. Safe to use from any thread and process; the program keeps the images."""

    def __init__(self, root: Path) -> None:
        """`root` holds a note of each image, under which those who want the same one wait for each other."""
        self._root = root

    def provide(self, program: Program, container: Container, log: Log) -> str:
        """Have the image here, and say exactly which it is: as `Lock.image` has it.

        An image that is here already is taken as it is, as `podman run` would.

        Raises:
            EnvironmentFailed: it cannot be pulled, or its Dockerfile cannot be built.
            StorageFailed: the disk is full.
        """
        began = time.monotonic()
        if container.dockerfile is not None:
            name = dockerfile_image(container.dockerfile)
            text = container.dockerfile
            self._once(name, lambda: exists(program, name), lambda: _build(program, name, text, log), log)
            log(f"The Dockerfile's image is {name}, after {human_seconds(time.monotonic() - began)}.")
            return name
        reference = container.image or ""
        if exists(program, reference):
            log(f"The image {reference} is on this machine; `{program} pull {reference}` brings a newer one.")
        else:
            key = sha256_bytes(reference.encode("utf-8"))[:32]
            self._once(key, lambda: exists(program, reference), lambda: _pull(program, reference, log), log)
            log(f"Pulled {reference} in {human_seconds(time.monotonic() - began)}.")
        found = ask(program.path, ["image", "inspect", "--format", "{{.Id}}", reference])
        if found.code or not found.output.strip():
            raise EnvironmentFailed(
                f'The image "{reference}" was pulled, and {program} does not find it: {last_line(found.told)}.',
                hint=f"name it in full, as `{program} images` shows it.",
            )
        return "sha256:" + found.output.strip().removeprefix("sha256:")

    def ensure(self, program: Program, container: Container, image: str, log: Log) -> None:
        """Have exactly this image here again: it may have been removed since, or the lock is another machine's.

        Raises:
            EnvironmentFailed: as `provide`; also when the name stands for another image by now.
            StorageFailed: the disk is full.
        """
        if exists(program, image):
            return
        now = self.provide(program, container, log)
        if now != image:
            raise EnvironmentFailed(
                f'The environment was locked with the image {image[:19]}, and its name "{container.image}" stands for '
                f"{now[:19]} here.",
                hint="build the environment anew: `env.build(ws)`.",
            )

    def _once(self, key: str, is_here: Callable[[], bool], make: Callable[[], None], log: Log) -> None:
        def usable(folder: Path) -> bool:
            return is_whole(folder) and is_here()

        make_once(self._root / key, lambda _: make(), log, usable=usable)


def dockerfile_image(text: str) -> str:
    """The name of the image that a Dockerfile of this text makes."""
    return f"amlet-{sha256_bytes(text.encode('utf-8'))}"


def exists(program: Program, reference: str) -> bool:
    """Whether the image is on this machine."""
    if program.is_podman:
        return ask(program.path, ["image", "exists", reference]).code == 0
    return ask(program.path, ["image", "inspect", "--format", "{{.Id}}", reference]).code == 0


def in_full(reference: str) -> str:
    """A name as Docker reads it, which v1 did: `python:3.11` is `docker.io/library/python:3.11`."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"


def _pull(program: Program, reference: str, log: Log) -> None:
    full = in_full(reference)
    log(f"Pulling {full}.")
    done = run_long(program.path, ["pull", full], log, timeout_s=TIMEOUT_S)
    if done.code:
        registry = full.partition("/")[0]
        raise EnvironmentFailed(
            f'The image "{reference}" could not be pulled: {last_line(done.told)}.',
            hint=f"check its name and the network; if the registry wants a password: `{program} login {registry}`. "
            + FULL_LOG,
        )


def _build(program: Program, name: str, text: str, log: Log) -> None:
    with tempfile.TemporaryDirectory(prefix="amlet-image-") as folder:
        dockerfile = Path(folder, "Dockerfile")
        dockerfile.write_text(text, encoding="utf-8")
        context = Path(folder, "empty")
        context.mkdir()
        # docker's format: podman's own knows no SHELL and no HEALTHCHECK.
        how = ["--format", "docker"] if program.is_podman else []
        arguments = ["build", *how, "--network=host", *ulimits(), "-t", name, "-f", str(dockerfile), str(context)]
        log(f"Building the Dockerfile's image {name}.")
        done = run_long(program.path, arguments, log, timeout_s=TIMEOUT_S)
    if done.code:
        raise EnvironmentFailed(
            f"The Dockerfile could not be built: {last_line(done.told)}.",
            hint=f"mend the Dockerfile; it is built without a build context, so it can copy no files. {FULL_LOG}",
        )
