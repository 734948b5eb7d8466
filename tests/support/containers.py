"""podman with settings and images of the tests' own: nothing of the machine's is seen or changed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NO_PODMAN = "no podman that runs on this machine"
BASE = "localhost/amlet-test/base:1"
NOTHING = "localhost/amlet-test/nothing:1"
"""An image without even a C library."""
PYTHON = "/opt/python/bin/python3"
"""Where the base image has its own Python: a place that this machine has not."""


class Podman:
    """podman over a store of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.conf = root / "containers.conf"
        self.storage = root / "storage.conf"

    @property
    def variables(self) -> dict[str, str]:
        return {"CONTAINERS_CONF": str(self.conf), "CONTAINERS_STORAGE_CONF": str(self.storage)}

    def __call__(self, *arguments: str, stdin: bytes | None = None, check: bool = True) -> str:
        done = subprocess.run(
            ["podman", *arguments],
            input=stdin if stdin is not None else b"",
            env={**os.environ, **self.variables},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr.decode()
        return done.stdout.decode()

    def containers(self) -> list[str]:
        """The names of all containers, running or not."""
        return self("ps", "--all", "--format", "{{.Names}}").split()


@contextlib.contextmanager
def own_podman(root: Path) -> Iterator[Podman]:
    """podman with the base image; skips where it is not installed or cannot run a container."""
    if shutil.which("podman") is None:
        pytest.skip(NO_PODMAN)
    podman = Podman(root)
    try:
        why = ""
        for driver in ("overlay", "vfs"):
            _configure(podman, driver)
            try:
                _import(podman, BASE, _base_files(), "PATH=/opt/python/bin:/bin", "GREETING=from the image")
                podman("run", "--rm", "--network=host", *_ulimits(), BASE, PYTHON, "-c", "import ssl")
                break
            except AssertionError as error:
                why = str(error)
                podman("rmi", "--force", "--all", check=False)
        else:
            pytest.skip(f"{NO_PODMAN}: {why[-300:]}")
        _import(podman, NOTHING, {"/tmp/x": b""})
        yield podman
    finally:
        podman("rm", "--all", "--force", "--time", "0", check=False)
        podman("rmi", "--all", "--force", check=False)
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["umount", "-l", str(root / "graph" / "overlay")], capture_output=True, check=False)
        shutil.rmtree(root, ignore_errors=True)


def _configure(podman: Podman, driver: str) -> None:
    podman.root.mkdir(parents=True, exist_ok=True)
    # crun, which podman prefers, refuses machines with both versions of cgroups.
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    podman.conf.write_text(f'[engine]\n{runtime}cgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    place = f'runroot = "{podman.root}/run"\ngraphroot = "{podman.root}/graph"\n'
    podman.storage.write_text(f'[storage]\ndriver = "{driver}"\n{place}')


def _ulimits() -> list[str]:
    return ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


def _import(podman: Podman, name: str, files: dict[str, bytes | Path], *variables: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for place, content in files.items():
            if isinstance(content, Path):
                tar.add(content.resolve(), place.lstrip("/"), recursive=False)
            else:
                entry = tarfile.TarInfo(place.lstrip("/"))
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    changes = [f"--change=ENV {variable}" for variable in variables]
    podman("import", *changes, "-", name, stdin=packed.getvalue())


def _base_files() -> dict[str, bytes | Path]:
    """A system of the least: this Python with its standard library, a shell, and the libraries of both."""
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    prefix = Path(sys.base_prefix)
    python = prefix / "bin" / minor
    files: dict[str, bytes | Path] = {PYTHON: python, "/bin/sh": Path("/bin/sh"), "/bin/sleep": Path("/bin/sleep")}
    files["/etc/passwd"] = b"root:x:0:0:root:/root:/bin/sh\n"
    files["/root/.keep"] = files["/tmp/.keep"] = b""
    standard = prefix / "lib" / minor
    programs = [python, Path("/bin/sh"), Path("/bin/sleep")]
    left_out = ("test", "tests", "site-packages", "dist-packages", "__pycache__", "idlelib", "ensurepip", "lib2to3")
    for path in standard.rglob("*"):
        parts = path.relative_to(standard).parts
        if path.is_file() and not any(part in left_out or part.startswith("config-") for part in parts):
            files[f"/opt/python/lib/{minor}/{'/'.join(parts)}"] = path
            if path.suffix == ".so":
                programs.append(path)
    for library in _libraries(programs):
        # In a folder that the loader looks into by itself, wherever they lie here.
        place = str(library) if library.name.startswith("ld-") else f"/lib/x86_64-linux-gnu/{library.name}"
        files[place if os.uname().machine == "x86_64" else str(library)] = library
    return files


def _libraries(programs: list[Path]) -> set[Path]:
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = {Path(match) for match in re.findall(r"(/\S+) \(0x", told)}
    # What wheels expect of every system (PEP 513).
    for name in ("libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"):
        found |= set(Path("/usr/lib").glob(f"*-linux-gnu/{name}"))
    return found
