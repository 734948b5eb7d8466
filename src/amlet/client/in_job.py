"""The in-job side as a folder of its own, put ahead of a job's path: azureml, and of amlet only base to sdk.

Never a site-packages of ours: that would hide the versions that the user pinned.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Dict, Mapping

import amlet
from amlet.base.paths import owner_only
from amlet.base.version import __version__

PARTS = ("base", "domain", "wire", "client", "runtime", "sdk")


def install_in_job_side(root: Path) -> Path:
    """Copy the sources once a content; the folder is never changed afterwards.

    Returns:
        `root/<version>-<digest>`.
    """
    sources = in_job_files()
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\0".encode() + sources[name].read_bytes())
    folder = root / f"{__version__}-{digest.hexdigest()[:12]}"
    if not folder.exists():
        partial = owner_only(root) / f".{folder.name}.{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        copy_files(sources, partial)
        try:
            partial.rename(folder)
        except OSError:  # another server was first
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def in_job_files() -> Dict[Path, Path]:
    """Where each file of the in-job side lies in this installation, by its place below the folder."""
    package = Path(amlet.__file__).parent
    sources = {Path("amlet/__init__.py"): package / "__init__.py"}
    for part in PARTS:
        sources.update(_python_files(package / part, Path("amlet") / part))
    sources.update(_python_files(package.parent / "azureml", Path("azureml")))
    return sources


def copy_files(sources: Mapping[Path, Path], folder: Path) -> None:
    """Copy files to their places below a folder."""
    for name, source in sources.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _python_files(folder: Path, prefix: Path) -> Dict[Path, Path]:
    return {prefix / file.relative_to(folder): file for file in folder.rglob("*.py")}
