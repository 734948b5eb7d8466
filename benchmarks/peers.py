"""The products we are measured beside, each in an environment of its own in a cache folder, never in ours."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from uv import find_uv_bin

from amlet.environments.pythons import at_hand, minor_text
from benchmarks.place import Skipped, clean_variables

INSTALL_S = 180.0
"""A peer that takes longer is skipped."""


def cache_folder() -> Path:
    """Where the peers are kept from one run to the next."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "amlet-benchmarks"


def peer(package: str, check: str, *, python: str = "3.11", also: tuple[str, ...] = ()) -> Path:
    """The Python of an environment that holds a package.

    Args:
        check: A statement that fails when the package does not work there.
        python: A version that the package supports.
        also: What else is installed there.

    Raises:
        Skipped: when it cannot be installed, or does not work.
    """
    folder = cache_folder() / "-".join([package, *also, python])
    interpreter = folder / "bin" / "python"
    base = next((found.path for found in at_hand() if minor_text(found.minor) == python), None)
    if base is None:
        raise Skipped(f"{package} needs Python {python}, which is not at hand")
    if not (folder / "complete").exists():
        uv = find_uv_bin()
        for arguments in (
            [uv, "venv", "--quiet", "--clear", "--python", str(base), str(folder)],
            [uv, "pip", "install", "--quiet", "--python", str(interpreter), package, *also],
            [str(interpreter), "-c", check],
        ):
            try:
                ended = subprocess.run(
                    arguments, env=clean_variables(), capture_output=True, text=True, timeout=INSTALL_S, check=False
                )
            except subprocess.TimeoutExpired as error:
                raise Skipped(f"{package}: installing it took more than {INSTALL_S:.0f} s") from error
            if ended.returncode:
                reason = (ended.stderr.strip().splitlines() or ["no reason told"])[-1]
                raise Skipped(f"{package} on Python {python}: {reason}")
        (folder / "complete").touch()
    return interpreter
