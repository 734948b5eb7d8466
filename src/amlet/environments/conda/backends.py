"""Which program of conda's this machine has."""

from __future__ import annotations

from pathlib import Path

from amlet.environments.conda.base import CondaBackend
from amlet.environments.conda.program import CondaProgram
from amlet.environments.conda.rattler import Rattler


def find_backend(cache: Path, *, with_dates: bool = False) -> CondaBackend | None:
    """micromamba, mamba or conda on PATH, else py-rattler, else nothing.

    Args:
        cache: The folder for what it fetches.
        with_dates: Prefer one that can leave out what is younger than a day.
    """
    found: list[CondaBackend] = [held for held in (CondaProgram.find(cache), Rattler.find(cache)) if held is not None]
    dated = [held for held in found if held.knows_dates]
    return (dated if with_dates and dated else [*found, None])[0]
