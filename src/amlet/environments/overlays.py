"""Overlays: what a scoring process needs besides the model's packages, one folder a Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amlet.base.errors import EnvironmentFailed
from amlet.base.hashing import sha256_bytes
from amlet.environments import pythons, uv_errors
from amlet.environments.failures import failure
from amlet.environments.once import make_once
from amlet.environments.resolve import this_platform
from amlet.environments.uv_program import run_uv

NEEDED = ("httptools>=0.6,<1",)
WELCOME = ("uvloop>=0.17,<1",)
"""Taken where it has a wheel."""


def overlay(root: Path, python: Path, log: Callable[[str], None]) -> Path:
    """The overlay for an interpreter; see `Environments.overlay`."""
    probed = pythons.probe(python)
    if probed is None:
        raise EnvironmentFailed(
            f"{python} does not run as a Python interpreter.", hint="build the environment anew, then deploy again."
        )
    minor = pythons.minor_text(probed.minor)
    key = sha256_bytes("\n".join((minor, this_platform(), *NEEDED, *WELCOME)).encode("utf-8"))[:12]
    folder = root / f"py{minor}-{key}"

    def make(part: Path) -> None:
        log(f"Preparing what serves models under Python {minor}.")
        arguments = ["pip", "install", "--target", str(part), "--python", str(python), "--only-binary", ":all:"]
        done = run_uv([*arguments, *NEEDED, *WELCOME], log)
        if done.code and uv_errors.cause_of(done.output, ()).kind in (uv_errors.NO_WHEEL, uv_errors.NO_VERSION):
            log("uvloop has no wheel here: serving without it.")
            done = run_uv([*arguments, *NEEDED], log)
        if done.code:
            raise failure("uv could not prepare the server of models", uv_errors.cause_of(done.output, ()), path=part)

    make_once(folder, make, log)
    return folder
