"""The locks that come with the catalogue: `locks/NAME/3.8.txt`, made by `make curated-locks`.

Each is a requirements file whose comments at the top say for which platforms it is, as of which day, and what was
relaxed. It holds the hashes of those wheels alone that these platforms can take under that Python.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.domain.environment import EnvironmentSpec, Package
from amlet.environments.curated.catalogue import is_curated, lock_folder

OLDEST_GLIBC = (2, 28)
OLDEST_MACOS = (13, 0)
"""The wheels of the locks run from these on; elsewhere uv looks for others."""

LOST_NAMES = (1, 24)
"""The NumPy that removed np.float, np.int, np.object and np.str (v1-behaviours 0.1)."""


class CuratedLock(NamedTuple):
    """What one name resolves to under one Python."""

    platforms: list[str]
    as_of: str | None
    notes: list[str]
    """What was relaxed to come to it."""
    requirements: str
    """A line a package, with its hashes."""

    def text(self, title: str) -> str:
        """The file's text."""
        head = [title, f"platforms: {' '.join(self.platforms)}"]
        head += [f"as of: {self.as_of}"] if self.as_of else []
        head += [f"note: {note}" for note in self.notes]
        return "".join(f"# {line}\n" for line in head) + self.requirements


def read(path: Path) -> CuratedLock:
    """Read a lock's file."""
    platforms: list[str] = []
    notes: list[str] = []
    as_of = None
    body: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        key, _, value = line[2:].partition(": ")
        if not line.startswith("# "):
            body.append(f"{line}\n")
        elif key == "platforms":
            platforms = value.split()
        elif key == "as of":
            as_of = value
        elif key == "note":
            notes.append(value)
    return CuratedLock(platforms, as_of, notes, "".join(body))


def locked(spec: EnvironmentSpec, python: str, platform_name: str) -> CuratedLock | None:
    """The lock of a spec for a Python (`3.8`), if it is the catalogue's own and this machine can take its wheels."""
    folder = lock_folder(spec.name) if is_curated(spec) else None
    path = folder / f"{python}.txt" if folder else None
    if path is None or not path.is_file() or not _takes_wheels():
        return None
    lock = read(path)
    return lock if platform_name in lock.platforms else None


def cautions(spec: EnvironmentSpec, packages: Sequence[Package]) -> list[str]:
    """What a script written for a curated name will miss in what it resolved to, a sentence each."""
    if not is_curated(spec) or not _is_for_old_numpy(spec):
        return []
    numpy = next((package.version for package in packages if package.name == "numpy"), None)
    if numpy is None or _numbers(numpy) < LOST_NAMES:
        return []
    lost = f"NumPy {numpy} has np.float, np.int, np.object and np.str no more, which NumPy 1.24 removed"
    return [f"{lost}: a script that calls them needs one of Python 3.8 to 3.11 on this machine"]


def _is_for_old_numpy(spec: EnvironmentSpec) -> bool:
    pinned = next((line.partition("=")[2] for line in spec.conda if re.match(r"numpy=", line)), None)
    if pinned:
        return _numbers(pinned.strip("=")) < LOST_NAMES
    return spec.python is not None and _numbers(spec.python) < (3, 10)


def _takes_wheels() -> bool:
    if sys.platform == "darwin":
        return _numbers(platform.mac_ver()[0]) >= OLDEST_MACOS
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        return False  # another libc
    return name == "glibc" and _numbers(version) >= OLDEST_GLIBC


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
