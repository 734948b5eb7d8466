"""Pythons of their own that hold this checkout with some packages, and none of those that tests have besides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parents[2]


def install(folder: Path, *packages: str) -> Path:
    """The interpreter of a virtual environment with what amlet depends on, without extras, and these packages."""
    python = folder / "bin" / "python"
    uv = find_uv_bin()
    for arguments in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(ROOT / "pyproject.toml"), *packages],
    ):
        subprocess.run(arguments, check=True, timeout=300)
    (site,) = folder.glob("lib/*/site-packages")
    (site / "checkout.pth").write_text(f"{ROOT / 'src'}\n")
    return python
