"""Make the locks of the catalogue anew: `python -m amlet.environments.curated.relock [NAME ...]`.

For every name and every Python at hand: resolved as a user's own spec is, then the wheels of these very versions
looked up for each platform. Needs the package index.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amlet.base.errors import AmletError
from amlet.domain.environment import EnvironmentSpec
from amlet.environments import resolve
from amlet.environments.curated import catalogue
from amlet.environments.curated.locks import CuratedLock
from amlet.environments.pythons import Python, at_hand, minor_text
from amlet.environments.requirements import read
from amlet.environments.uv_program import run_uv

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIRST, LAST = (3, 8), (3, 13)

PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "darwin-arm64": "aarch64-apple-darwin",
    "darwin-x86_64": "x86_64-apple-darwin",
}
"""As `Lock.platform` has it → as uv has it."""

Files = dict[tuple[str, str], set[str]]
"""(name, version) → the sha256 of its wheels."""


def main(wanted: Sequence[str]) -> int:
    """Write the locks of these names; of all when none is named. Says what it wrote, and what could not be locked."""
    pythons = [python for python in at_hand() if FIRST <= python.minor <= LAST]
    missing = [minor for minor in range(FIRST[1], LAST[1] + 1) if (3, minor) not in {held.minor for held in pythons}]
    if missing:
        print("left as they are, for want of an interpreter: " + ", ".join(f"3.{minor}" for minor in missing))
    failed = 0
    for name in wanted or catalogue.names():
        spec = catalogue.find(name)
        folder = catalogue.lock_folder(name)
        if spec is None or folder is None:
            print(f"{name}: no such name in the catalogue", file=sys.stderr)
            return 2
        if folder.name != spec.name:
            continue  # an alias
        for python in pythons:
            path = folder / f"{minor_text(python.minor)}.txt"
            try:
                lock = make(spec, python)
            except AmletError as error:
                failed += 1
                print(f"{path.name} of {spec.name}: {error}", file=sys.stderr)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            title = f"{spec.name} for Python {minor_text(python.minor)}. Made by `make curated-locks`: do not edit."
            path.write_text(lock.text(title), encoding="utf-8")
            print(
                f"{path.relative_to(catalogue.FOLDER)}: {len(lock.requirements.splitlines())} packages for "
                f"{', '.join(lock.platforms) or 'no platform'}, {path.stat().st_size} bytes"
            )
    return 1 if failed else 0


def make(spec: EnvironmentSpec, python: Python) -> CuratedLock:
    """Lock one name for one Python.

    Raises:
        EnvironmentFailed: uv found no solution on this machine's platform.
    """
    choice = resolve.choose(spec, [python], python.minor)
    solved = resolve.solve(spec, python, read(spec), choice.as_of, lambda _: None)
    pinned = {(package.name, package.version) for package in resolve.packages_of(solved.text)}
    found: Files = {pin: set() for pin in pinned}
    platforms = []
    for name, target in PLATFORMS.items():
        files = _files(spec, python, pinned, target)
        if files is not None and set(files) == pinned and all(files.values()):
            platforms.append(name)
            for pin, hashes in files.items():
                found[pin] |= hashes
    lines = [
        " ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted(hashes))]) + "\n"
        for (name, version), hashes in sorted(found.items())
    ]
    return CuratedLock(platforms, solved.as_of, solved.notes, "".join(lines))


def _files(spec: EnvironmentSpec, python: Python, pinned: set[tuple[str, str]], target: str) -> Files | None:
    """The wheels of a platform when every version is held fast; None when some package has none there."""
    names = [re.split(r"[=<>!~ ]", held.text, maxsplit=1)[0] for held in read(spec).requirements]
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="amlet-relock-") as folder:
        wanted, pins, overrides, out = (Path(folder, name) for name in ("w.txt", "p.txt", "o.txt", "pylock.toml"))
        wanted.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in pinned), encoding="utf-8")
        overrides.write_text(resolve.OVERRIDES, encoding="utf-8")
        arguments = ["pip", "compile", str(wanted), "-c", str(pins), "--override", str(overrides), "-o", str(out)]
        arguments += ["--format", "pylock.toml", "--python", str(python.path), "--python-platform", target]
        done = run_uv([*arguments, "--only-binary", ":all:", "--no-header"], lambda _: None)
        if done.code:
            return None
        content: dict[str, Any] = tomllib.loads(out.read_text("utf-8"))
    return {
        (held["name"], held["version"]): {wheel["hashes"]["sha256"] for wheel in held.get("wheels", [])}
        for held in content.get("packages", [])
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
