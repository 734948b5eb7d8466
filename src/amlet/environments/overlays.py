"""Overlays: what a process of ours needs besides the packages that are there, one folder a Python and purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed
from amlet.base.hashing import sha256_bytes
from amlet.environments import pythons, uv_errors
from amlet.environments.failures import failure
from amlet.environments.once import make_once
from amlet.environments.resolve import this_platform
from amlet.environments.uv_program import run_uv
from amlet.runtime.scoring.files import NEEDED, WELCOME


class Overlay(NamedTuple):
    """What a process needs."""

    words: str
    """What it is for."""
    needed: tuple[str, ...]
    welcome: tuple[str, ...] = ()
    """Taken where they have a wheel."""


SCORING = Overlay("what serves models", NEEDED, WELCOME)
OPTUNA = Overlay("what draws the trials of model-based sweeps", ("optuna>=4.5,<6", "cmaes>=0.11,<1"))


def overlay(root: Path, python: Path, log: Callable[[str], None], what: Overlay = SCORING) -> Path:
    """The overlay for an interpreter; see `Environments.overlay`."""
    probed = pythons.probe(python)
    if probed is None:
        raise EnvironmentFailed(
            f"{python} does not run as a Python interpreter.", hint="build the environment anew, then deploy again."
        )
    minor = pythons.minor_text(probed.minor)
    key = sha256_bytes("\n".join((minor, this_platform(), *what.needed, *what.welcome)).encode("utf-8"))[:12]
    folder = root / f"py{minor}-{key}"

    def make(part: Path) -> None:
        log(f"Preparing {what.words} under Python {minor}.")
        arguments = ["pip", "install", "--target", str(part), "--python", str(python), "--only-binary", ":all:"]
        done = run_uv([*arguments, *what.needed, *what.welcome], log)
        if (
            done.code
            and what.welcome
            and uv_errors.cause_of(done.output, ()).kind in (uv_errors.NO_WHEEL, uv_errors.NO_VERSION)
        ):
            log(f"{', '.join(what.welcome)} has no wheel here: going on without it.")
            done = run_uv([*arguments, *what.needed], log)
        if done.code:
            raise failure(f"uv could not prepare {what.words}", uv_errors.cause_of(done.output, ()), path=part)

    make_once(folder, make, log)
    return folder
