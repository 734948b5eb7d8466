"""A conda channel of the tests' own: a folder of packages made here, and their index."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PLACEHOLDER = "/opt/placehold" + "_placehold" * 20
"""What stands in a package's files for the prefix they will lie in; long, since in binaries it can only shrink."""

SUBDIR = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "arm64": "osx-arm64"}[platform.machine()]

_LEFT_OUT = {
    "test",
    "tests",
    "site-packages",
    "__pycache__",
    "idlelib",
    "tkinter",
    "ensurepip",
    "turtledemo",
    "lib2to3",
}
_RAW_BLOCK_BYTES = 1 << 17

Content = str | bytes | Path
"""A file's text, its bytes, or the file or link to take."""


class Channel:
    """A folder with packages and `repodata.json`; written anew with every package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._records: dict[str, dict[str, dict[str, object]]] = {SUBDIR: {}, "noarch": {}}
        self._write_index()

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def add(
        self,
        name: str,
        version: str,
        files: Mapping[str, Content] | None = None,
        *,
        depends: Sequence[str] = (),
        build: str = "0",
        number: int = 0,
        noarch: str | None = None,
        entry_points: Sequence[str] = (),
        compressed: bool = True,
        day: str = "2020-01-01",
    ) -> Path:
        """Make a package.

        Args:
            files: Content by place; text that holds `PLACEHOLDER` gets the prefix it is installed in.
            noarch: `python` or `generic`.
            compressed: As `.tar.bz2`; else as `.conda`, fast to make and large.
        """
        subdir = "noarch" if noarch else SUBDIR
        import datetime

        made = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
        index: dict[str, object] = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": number,
            "depends": list(depends),
            "subdir": subdir,
            "timestamp": int(made.timestamp() * 1000),
            **({"noarch": noarch} if noarch else {}),
        }
        info = {"info/index.json": json.dumps(index), "info/paths.json": json.dumps(_paths(files or {}))}
        if noarch == "python":
            link = {"noarch": {"type": "python", "entry_points": list(entry_points)}, "package_metadata_version": 1}
            info["info/link.json"] = json.dumps(link)
        place = self.folder / subdir
        stem = f"{name}-{version}-{build}"
        if compressed:
            path = place / f"{stem}.tar.bz2"
            path.write_bytes(_tar({**(files or {}), **info}, "w:bz2"))
        else:
            path = place / f"{stem}.conda"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
                archive.writestr(f"pkg-{stem}.tar.zst", _raw_zstd(_tar(files or {}, "w")))
                archive.writestr(f"info-{stem}.tar.zst", _raw_zstd(_tar(info, "w")))
        data = path.read_bytes()
        self._records[subdir][path.name] = {
            **index,
            "sha256": hashlib.sha256(data).hexdigest(),
            "md5": hashlib.md5(data).hexdigest(),
            "size": len(data),
        }
        self._write_index()
        return path

    def add_python(self, *, day: str = "2020-01-01") -> str:
        """Pack the interpreter that runs the tests, without its tests and packages; returns its version."""
        version = platform.python_version()
        minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        base = Path(sys.base_prefix)
        files: dict[str, Content] = {f"bin/{minor}": (base / "bin" / minor).resolve()}
        for folder, names, own in os.walk(base / "lib" / minor):
            names[:] = [name for name in names if name not in _LEFT_OUT and not name.startswith("config-")]
            for name in own:
                path = Path(folder, name)
                files[str(path.relative_to(base))] = path
        files |= {"bin/python": _Link(minor), "bin/python3": _Link(minor)}
        self.add("python", version, files, build="0_cpython", compressed=False, day=day)
        return version

    def add_module(self, name: str, version: str, text: str, *, depends: Sequence[str] = (), command: str = "") -> Path:
        """A package of one module for every Python, as conda has most of PyPI's; `command` names a console script."""
        stem = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files: dict[str, Content] = {
            f"site-packages/{name}.py": text,
            f"site-packages/{stem}/METADATA": metadata,
            f"site-packages/{stem}/INSTALLER": "conda\n",
            f"site-packages/{stem}/RECORD": f"{name}.py,,\n{stem}/METADATA,,\n{stem}/INSTALLER,,\n{stem}/RECORD,,\n",
        }
        points = [f"{command} = {name}:main"] if command else []
        return self.add(
            name,
            version,
            files,
            depends=["python >=3.8", *depends],
            build="pyh_0",
            noarch="python",
            entry_points=points,
        )

    def _write_index(self) -> None:
        for subdir, records in self._records.items():
            place = self.folder / subdir
            place.mkdir(parents=True, exist_ok=True)
            split = {
                "packages": {name: held for name, held in records.items() if name.endswith(".tar.bz2")},
                "packages.conda": {name: held for name, held in records.items() if name.endswith(".conda")},
            }
            index = {"info": {"subdir": subdir}, **split, "removed": [], "repodata_version": 1}
            (place / "repodata.json").write_text(json.dumps(index))


class _Link(str):
    """A symbolic link to this place."""


def _data(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    return content.encode("utf-8") if isinstance(content, str) else content


def _paths(files: Mapping[str, Content]) -> dict[str, object]:
    found = []
    for name, content in files.items():
        is_link = isinstance(content, _Link)
        data = b"" if is_link else _data(content)
        entry: dict[str, object] = {"_path": name, "path_type": "softlink" if is_link else "hardlink"}
        entry |= {"sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
        if PLACEHOLDER.encode() in data:
            entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "binary" if b"\0" in data else "text"}
        found.append(entry)
    return {"paths": found, "paths_version": 1}


def _tar(files: Mapping[str, Content], mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, _Link):
                member.type, member.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(member)
                continue
            data = _data(content)
            member.size = len(data)
            is_program = name.startswith("bin/") or (isinstance(content, Path) and os.access(content, os.X_OK))
            member.mode = 0o755 if is_program else 0o644
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _raw_zstd(data: bytes) -> bytes:
    """A zstd frame of uncompressed blocks (RFC 8878, 3.1.1), which needs no library to write."""
    out = [b"\x28\xb5\x2f\xfd", b"\x00", b"\x38"]
    blocks = [data[at : at + _RAW_BLOCK_BYTES] for at in range(0, len(data), _RAW_BLOCK_BYTES)] or [b""]
    for number, block in enumerate(blocks):
        is_last = number == len(blocks) - 1
        out += [((len(block) << 3) | is_last).to_bytes(3, "little"), block]
    return b"".join(out)
