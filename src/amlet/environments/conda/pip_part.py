"""pip's list of a spec that conda resolves: locked around conda's packages, which stay as they are."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.domain.environment import EnvironmentSpec
from amlet.environments import resolve as by_uv
from amlet.environments.conda.base import CondaPackage
from amlet.environments.conda_names import normalized, pypi_name
from amlet.environments.pythons import Python
from amlet.environments.requirements import Requirement, Wanted
from amlet.environments.uv_program import run_uv

_PYPI_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?")


class Held(NamedTuple):
    """A Python package that conda brings."""

    name: str
    """As PyPI has it."""
    version: str
    """With a local part that no file of an index has: `1.26.4+conda`."""


class PipPart(NamedTuple):
    """What uv found."""

    solved: by_uv.Solved
    replaced: list[Requirement]
    """Lines that want another version than conda's: it is installed over conda's, as pip did in v1."""


def solve(
    spec: EnvironmentSpec,
    python: Python,
    wanted: Wanted,
    packages: Sequence[CondaPackage],
    as_of: str | None,
    log: Callable[[str], None],
) -> PipPart:
    """Lock pip's requirements so that what conda brings counts as installed.

    Args:
        python: The solved one's version, at an interpreter of this machine that uv can ask.
        wanted: Pip's requirements alone.
    """
    held = _held(packages)
    if not wanted.requirements:
        return PipPart(by_uv.Solved("", as_of, []), [])
    with tempfile.TemporaryDirectory(prefix="amlet-held-") as folder:
        place = Path(folder)
        for package in held.values():
            _stand_in(place, package)
        version = ["--python-version", str(python)]
        common = ["--find-links", str(place), *version]
        replaced = [
            line
            for line in wanted.requirements
            if line.name in held and not _fits(line, held[line.name], place, [*common, "--python", str(python.path)])
        ]
        for line in replaced:
            held.pop(line.name, None)
        constraints = place / "held.txt"
        constraints.write_text("".join(f"{name}=={package.version}\n" for name, package in held.items()))
        kept_out = [word for name in held for word in ("--no-emit-package", name)]
        extra = [*common, "--constraint", str(constraints), *kept_out]
        return PipPart(by_uv.solve(spec, python, wanted, as_of, log, extra=extra), replaced)


def _held(packages: Sequence[CondaPackage]) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for package in packages:
        version = package.file.version
        if package.is_python and _PYPI_VERSION.fullmatch(version):
            name = normalized(pypi_name(package.file.name))
            found[name] = Held(name, f"{version}{'.' if '+' in version else '+'}conda")
    return found


def _stand_in(folder: Path, package: Held) -> None:
    """A wheel that says of itself what conda's package is, and needs nothing: conda has seen to that."""
    stem = f"{package.name.replace('-', '_')}-{package.version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        about = f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n"
        archive.writestr(f"{stem}.dist-info/METADATA", about)
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")


def _fits(line: Requirement, package: Held, folder: Path, arguments: Sequence[str]) -> bool:
    """Whether conda's version is one that the line admits. Asks no index."""
    asked = folder / "asked.txt"
    asked.write_text(f"{line.text.split('--hash')[0]}\n{package.name}=={package.version}\n", encoding="utf-8")
    argv = ["pip", "compile", str(asked), "--no-index", "--no-deps", "--quiet", *arguments]
    return run_uv(argv, lambda _: None).code == 0
