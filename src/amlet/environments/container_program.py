"""The container program of this machine, podman or docker: found, and run with its output passed on line by line."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed
from amlet.base.units import human_seconds
from amlet.base.urls import without_login
from amlet.base.variables import own_environment
from amlet.environments.follow import follow

Log = Callable[[str], None]

ASK_TIMEOUT_S = 60.0
"""For what should be answered at once; the first command after a boot may take a while."""

_KEPT_LINES = 400

_found: dict[tuple[str | None, str | None], Program] = {}
_finding = threading.Lock()


class Program(NamedTuple):
    """podman, or docker with an engine that answers."""

    path: Path
    is_podman: bool
    user: str
    """Whom a container's process is to be, so that the files it writes are this process's own."""

    def __str__(self) -> str:
        return "podman" if self.is_podman else "docker"

    def remove_arguments(self, name: str) -> list[str]:
        """End and forget a container by force."""
        return ["rm", "-f", *(["--ignore", "--time", "0"] if self.is_podman else []), name]


class Finished(NamedTuple):
    """How a command ended."""

    code: int
    output: str
    """What it wrote to standard output."""
    told: str
    """The last lines of what it said on standard error."""


def find(image: str) -> Program:
    """The program to run a container of an image of the user's own with. podman comes first: it needs no daemon.

    Raises:
        EnvironmentFailed: there is none, or none that answers.
    """
    paths = (shutil.which("podman"), shutil.which("docker"))
    with _finding:
        if paths not in _found:
            _found[paths] = _look(paths, image)
        return _found[paths]


def _look(paths: tuple[str | None, str | None], image: str) -> Program:
    silent = []
    podman, docker = paths
    if podman:
        told = ask(Path(podman), ["info", "--format", "{{.Host.Arch}}"])
        if told.code == 0:
            # Without root, root in the container is this user outside.
            return Program(Path(podman), is_podman=True, user="0:0")
        silent.append(f"podman says: {last_line(told.told)}")
    if docker:
        told = ask(Path(docker), ["info", "--format", "{{.ServerVersion}} {{.SecurityOptions}}"])
        if told.code == 0:
            is_us = "0:0" if "name=rootless" in told.output else f"{os.getuid()}:{os.getgid()}"
            return Program(Path(docker), is_podman=False, user=is_us)
        silent.append(f"docker says: {last_line(told.told)}")
    why = "this machine has neither podman nor docker"
    if silent:
        why = "no container program answers on this machine: " + "; ".join(text.rstrip(".") for text in silent)
    raise EnvironmentFailed(
        f"The environment wants a container of {image}, and {why}.",
        hint="drop the image (`env.docker.base_image = None`), or install podman: `apt install podman`.",
    )


def ask(program: Path, arguments: Sequence[str], *, timeout_s: float = ASK_TIMEOUT_S) -> Finished:
    """Run a command that should not take long. One that does is ended; its code is then 124."""
    try:
        done = subprocess.run(
            [str(program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=program_variables(),
            timeout=timeout_s,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finished(124, "", f"no answer within {human_seconds(timeout_s)}")
    except OSError as error:
        return Finished(126, "", error.strerror or str(error))
    return Finished(done.returncode, done.stdout, done.stderr)


def run_long(program: Path, arguments: Sequence[str], log: Log, *, timeout_s: float) -> Finished:
    """Run a command to its end, each line it writes passed on as it comes; it does not outlive this call.

    Raises:
        EnvironmentFailed: it took longer than `timeout_s`.
    """
    ended = follow(
        [str(program), *arguments],
        log,
        variables=program_variables(),
        timeout_s=timeout_s,
        look_at="the connection to the registry",
        public=without_login,
        with_output=True,
    )
    return Finished(ended.code, "", "\n".join(ended.lines))


def program_variables() -> dict[str, str]:
    """What the container program may see: none of our own, so that what it leaves running is never taken for a job."""
    return {name: text for name, text in own_environment().items() if not name.startswith("AMLET_")}


def mount(path: Path, *, writable: bool = False) -> list[str]:
    """Arguments that show a folder or file of this machine at its own place."""
    text = str(path)
    if ":" in text:
        # -v would take the colon for its own; here it is a line of comma-separated values.
        pairs = [f"{name}={text}".replace('"', '""') for name in ("src", "dst")]
        return ["--mount", ",".join(["type=bind", *(f'"{pair}"' for pair in pairs), f"ro={str(not writable).lower()}"])]
    return ["-v", f"{text}:{text}" + ("" if writable else ":ro")]


def last_line(text: str) -> str:
    """The line that says why, of what a container program wrote."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.lower().startswith(("error", "docker:"))] or lines
    return said[-1].removeprefix("Error: ").removeprefix("docker: ").rstrip(".") if said else "nothing"
