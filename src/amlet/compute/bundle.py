"""What a node needs on a machine that has nothing but Python: our own sources in one file, and the uv program."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import amlet
from amlet.base.errors import StorageFailed
from amlet.base.hashing import sha256_stream
from amlet.base.paths import owner_only

PACKAGES = ("base", "domain", "wire", "client", "runtime", "sdk", "artifacts", "environments", "node")
"""What a node imports, and what its jobs see. Nothing of it needs more than the standard library."""

_LEFT_OUT = ("__pycache__",)
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""Every file's date: the same sources make the same bytes."""


class Parcel(NamedTuple):
    """A file to be sent."""

    path: Path
    digest: str
    """sha256 of the file: what is there already under this name is not sent again."""
    size_bytes: int


def node_bundle(folder: Path) -> Parcel:
    """The sources of a node as a zip file, made in `folder` if it is not there.

    Raises:
        StorageFailed: the disk is full.
    """
    sources = dict(sorted(_sources()))
    content = hashlib.sha256()
    for name, source in sources.items():
        content.update(f"{name}\0{source.stat().st_size}\0".encode() + source.read_bytes())

    def write(part: Path) -> None:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in sources.items():
                member = zipfile.ZipInfo(name, _FIRST_DAY)
                member.external_attr = 0o644 << 16
                archive.writestr(member, source.read_bytes(), zipfile.ZIP_DEFLATED)

    return _parcel(folder / f"node-{content.hexdigest()[:16]}.zip", write)


def uv_parcel(folder: Path, program: Path) -> Parcel:
    """The uv program, compressed, made in `folder` if it is not there.

    Raises:
        StorageFailed: the disk is full.
    """

    def write(part: Path) -> None:
        # Without a date or a name in its header, so that the same program makes the same bytes.
        with (
            program.open("rb") as source,
            part.open("wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)

    return _parcel(folder / f"uv-{_digest(program)[:16]}.gz", write)


def _parcel(path: Path, write: Callable[[Path], None]) -> Parcel:
    try:
        if not path.exists():
            owner_only(path.parent)
            part = path.with_name(f".{path.name}.{os.getpid()}.part")
            try:
                write(part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return Parcel(path, _digest(path), path.stat().st_size)
    except OSError as error:
        raise StorageFailed.from_os_error(error, path) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return sha256_stream(file)[0]


def _sources() -> Iterator[tuple[str, Path]]:
    package = Path(amlet.__file__).parent
    yield "amlet/__init__.py", package / "__init__.py"
    for name in PACKAGES:
        yield from _files(package / name, f"amlet/{name}")
    yield from _files(package.parent / "azureml", "azureml")


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        below = file.relative_to(folder)
        if file.is_file() and not set(_LEFT_OUT).intersection(below.parts):
            yield f"{prefix}/{below.as_posix()}", file
