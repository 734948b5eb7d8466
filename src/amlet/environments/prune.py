"""Take away builds that nobody has used for long, and what makers that were killed left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from amlet.environments.build_log import build_log_of
from amlet.environments.once import MARKER, held_alone, is_whole

RECENT = timedelta(minutes=10)
"""Whoever looked a build up so recently may be about to start a process in it."""

_FOLDERS = ("builds", "overlays")
_ASIDE = ".part"


class BuildOnDisk(NamedTuple):
    """One build, and what it costs."""

    lock_id: str
    path: Path
    python: str
    """Minor version, `3.11`."""
    packages: list[str]
    """`scikit-learn 1.5.2`, the largest first."""
    last_used: datetime
    own_bytes: int
    """What its removal frees."""
    shared_bytes: int
    """Links to files that uv's cache or another build has too."""
    is_in_use: bool
    """A process runs from it, or was about to."""


class Leftover(NamedTuple):
    """What somebody began to make and did not finish, or a build whose Python is gone."""

    path: Path
    own_bytes: int


class Pruned(NamedTuple):
    """What was removed, or would be, and what stays."""

    removed: list[BuildOnDisk]
    kept: list[BuildOnDisk]
    leftovers: list[Leftover]

    @property
    def freed_bytes(self) -> int:
        return sum(build.own_bytes for build in self.removed) + sum(left.own_bytes for left in self.leftovers)


def prune(folder: Path, unused_for: timedelta, *, dry_run: bool = False) -> Pruned:
    """Remove the builds that nobody has used for so long, and all leftovers. Safe beside any use of the folder: a build
    is never taken from under a process, and one that is needed again is made again.

    Args:
        folder: The folder of environments (`Home.environments`).
        dry_run: Only say what would go.

    Returns:
        Builds in the order of their last use, latest last.
    """
    held = on_disk(folder)
    now = datetime.now(timezone.utc)
    removed: list[BuildOnDisk] = []
    for build in held:
        if build.is_in_use or now - build.last_used < unused_for:
            continue
        if dry_run or _remove(build.path, build.last_used):
            removed.append(build)
    kept = [build for build in held if build not in removed]
    leftovers = [left for left in _leftovers(folder) if dry_run or _remove(left.path, None)]
    return Pruned(removed, kept, leftovers)


def on_disk(folder: Path) -> list[BuildOnDisk]:
    """Every whole build of a folder of environments, the one that was used last at the end."""
    paths = [path for path in _entries(folder / "builds") if not path.name.startswith(".") and _works(path)]
    used = in_use(paths)
    now = datetime.now(timezone.utc)
    found = []
    for path in paths:
        last_used = _last_used(path)
        if last_used is None:
            continue
        own, shared = disk_use(path)
        libraries = sorted(path.glob("lib/python3.*"))
        is_in_use = path in used or abs(now - last_used) < RECENT
        minor = libraries[0].name[len("python") :] if libraries else ""
        found.append(BuildOnDisk(path.name, path, minor, _packages(path), last_used, own, shared, is_in_use))
    return sorted(found, key=lambda build: build.last_used)


def disk_use(folder: Path) -> tuple[int, int]:
    """Bytes on the disk below a folder: of its own, and of files that have a link elsewhere too."""
    own = 0
    linked: dict[tuple[int, int], list[int]] = {}
    for place, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            with contextlib.suppress(OSError):
                told = os.lstat(os.path.join(place, name))  # noqa: PTH118 - tens of thousands of files
                if not stat.S_ISREG(told.st_mode) or told.st_nlink == 1:
                    own += told.st_blocks * 512
                else:
                    entry = linked.setdefault((told.st_dev, told.st_ino), [told.st_nlink, told.st_blocks * 512])
                    entry[0] -= 1
    shared = 0
    for elsewhere, size in linked.values():
        if elsewhere:
            shared += size
        else:
            own += size
    return own, shared


def in_use(paths: Sequence[Path]) -> set[Path]:
    """Those of some folders that a process runs in or from: by its arguments, variables, folder or mapped files."""
    needles = {path: {os.fsencode(path), os.fsencode(path.resolve())} for path in paths}
    found: set[Path] = set()
    for process in _entries(Path("/proc")):
        if not process.name.isdigit():
            continue
        text = b"\0".join(_told(process))
        found.update(path for path in needles if path not in found and any(held in text for held in needles[path]))
    return found


def _packages(build: Path) -> list[str]:
    found = []
    for folder in build.glob("lib/python3.*/site-packages/*.dist-info"):
        name, _, version = folder.stem.partition("-")
        with contextlib.suppress(OSError):
            # One line a file: as good as any measure of a package.
            found.append(((folder / "RECORD").stat().st_size, f"{name.replace('_', '-')} {version}"))
    return [text for _, text in sorted(found, reverse=True)]


def _told(process: Path) -> Iterator[bytes]:
    for name in ("cmdline", "environ", "maps"):
        with contextlib.suppress(OSError):  # another user's, or gone
            yield (process / name).read_bytes()
    with contextlib.suppress(OSError):
        yield os.fsencode((process / "cwd").readlink())


def _leftovers(folder: Path) -> list[Leftover]:
    found = []
    for name in _FOLDERS:
        for path in _entries(folder / name):
            is_aside = path.name.startswith(".") and path.name.endswith(_ASIDE)
            is_broken = not path.name.startswith(".") and path.is_dir() and not (_works(path) or name != "builds")
            if not is_aside and not is_broken:
                continue
            with held_alone(_made(path)) as alone:
                if alone and path.exists() and not in_use([path]):
                    found.append(Leftover(path, disk_use(path)[0]))
    return found


def _remove(path: Path, last_used: datetime | None) -> bool:
    """Take a folder away, unless somebody makes it or has begun to use it since it was looked at."""
    with held_alone(_made(path)) as alone:
        if not alone:
            return False
        aside = path
        if not path.name.endswith(_ASIDE):
            aside = path.parent / f".{path.name}.{os.urandom(4).hex()}{_ASIDE}"
            try:
                path.rename(aside)
            except FileNotFoundError:
                return False
            if in_use([path, aside]) or (last_used is not None and _last_used(aside) != last_used):
                aside.rename(path)
                return False
            build_log_of(path).unlink(missing_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
    return True


def _made(path: Path) -> Path:
    """The folder that something is, or was to become: `.ID.1a2b.part` → `ID`."""
    is_aside = path.name.startswith(".") and path.name.endswith(_ASIDE)
    return path.parent / path.name[1:].rsplit(".", 2)[0] if is_aside else path


def _works(path: Path) -> bool:
    return is_whole(path) and os.access(path / "bin" / "python", os.X_OK)


def _last_used(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp((path / MARKER).stat().st_mtime, timezone.utc)
    except OSError:
        return None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
