"""The Pythons of a machine: found by path, fetched by uv from an index of this machine's, and what runs under them."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import platform
import shutil
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed
from amlet.client.connection import Client
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.run import COMPLETED, FAILED, Run
from amlet.environments import Environments, python_install
from amlet.environments.pythons import Python, at_hand, minor_text, own_minor
from amlet.wire.files import FileQuery
from support.runs import finish, submit_script
from support.server import RealServer

PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
LEFT_OUT = ("test", "site-packages", "__pycache__", "idlelib", "tkinter", "ensurepip", "lib2to3")


def silent(line: str) -> None:
    """A log that nobody reads."""


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no Pythons but our own and Debian's; its folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_DOWNLOADS", "UV_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def another(bare: Path) -> Python:
    """A Python of this machine that the bare one has not."""
    bare_minors = [python.minor for python in at_hand()]
    real = sorted(PYENV.glob("versions/*/bin/python"))
    found = [python for python in at_hand(real) if python.minor not in bare_minors]
    if not found:
        pytest.skip("no second Python in pyenv on this machine")
    return found[-1]


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    return path


@pytest.mark.parametrize(
    "place", ["pyenv/versions/3/bin/python", ".local/share/uv/python/cpython-3/bin/python3", "bin/python3"]
)
def test_a_python_is_found_in_the_folders_of_pyenv_and_uv_and_on_path(bare, another, place) -> None:
    assert another.minor not in [python.minor for python in at_hand()]
    link(bare / place, another.path)
    assert another.minor in [python.minor for python in at_hand()]


def test_what_does_not_run_or_only_chooses_a_python_is_passed_over(bare, another) -> None:
    before = at_hand()
    broken = bare / "pyenv" / "versions" / "broken" / "bin" / "python"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    shims = link(bare / "pyenv" / "shims" / "python3", another.path)
    os.environ["PATH"] = f"{shims.parent}:relative:{bare / 'nowhere'}"
    assert at_hand() == before
    assert own_minor() in [python.minor for python in before]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that this machine serves, and its address."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def pack(python: Python, folder: Path) -> Path:
    """An archive of a Python, laid out as those that uv installs."""
    prefix = python.path.parent.parent
    name = f"python{minor_text(python.minor)}"

    def kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = Path(info.name).parts
        return None if any(part in LEFT_OUT or part.startswith("config-") for part in parts) else info

    archive = folder / "python.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add((prefix / "bin" / name).resolve(), f"python/bin/{name}")
        tar.add(prefix / "lib" / name, f"python/lib/{name}", filter=kept)
        for library in (prefix / "lib").glob("libpython*.so*"):
            tar.add(library, f"python/lib/{library.name}")
        for alias in ("python3", "python"):
            info = tarfile.TarInfo(f"python/bin/{alias}")
            info.type, info.linkname = tarfile.SYMTYPE, name
            tar.addfile(info)
    return archive


def offer(folder: Path, python: Python, url: str, sha256: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv know of this Python alone."""
    major, minor, patch = python.version
    machine = platform.machine()
    offered = {
        "name": "cpython",
        "arch": {"family": machine, "variant": None},
        "os": sys.platform,
        "libc": "gnu",
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": url,
        "sha256": sha256,
        "variant": None,
        "build": "20240101",
    }
    listing = folder / "downloads.json"
    listing.write_text(json.dumps({f"cpython-{python}-{sys.platform}-{machine}-gnu": offered}))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", listing.as_uri())


def test_a_python_that_the_spec_names_is_fetched_checked_and_built_for(bare, another, mirror, monkeypatch) -> None:
    folder, address = mirror
    archive = pack(another, folder)
    good = hashlib.sha256(archive.read_bytes()).hexdigest()
    spec = EnvironmentSpec("named", python=minor_text(another.minor))
    offer(folder, another, f"{address}/{archive.name}", "0" * 64, monkeypatch)
    environments = Environments(bare / "home" / "environments")
    forged: list[str] = []
    environments.resolve(EnvironmentSpec("named", python=minor_text(another.minor)), forged.append)
    assert any("could not be fetched" in line and "is not the one that uv knows" in line for line in forged)
    assert another.minor not in [python.minor for python in environments.at_hand()]

    offer(folder, another, f"{address}/{archive.name}", good, monkeypatch)
    (refusal,) = (bare / "home" / "environments" / "pythons").glob(".refused-*")
    refusal.unlink()
    log: list[str] = []
    lock = environments.resolve(spec, log.append)
    assert lock.python == minor_text(another.minor)
    assert f"Python {lock.python} is not at hand: fetching it." in log
    assert any(line.startswith(f"Fetched Python {lock.python} in ") for line in log)
    (fetched,) = [python for python in environments.at_hand() if python.minor == another.minor]
    assert fetched.version == another.version
    assert (bare / "home") in fetched.path.parents
    build = environments.build(lock, silent)
    assert (bare / "home") in build.python.resolve().parents

    # A node of another home, which knows but the lock, fetches it too.
    elsewhere = Environments(bare / "other" / "environments")
    assert elsewhere.build(lock, silent).python.exists()
    shutil.rmtree(folder)
    log.clear()
    assert environments.resolve(spec, log.append) == lock
    assert not any("etch" in line for line in log)


def test_a_refusal_is_said_with_its_reason_and_costs_nothing_for_an_hour(bare, another, mirror, monkeypatch) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", mirror[1])  # it has none
    environments = Environments(bare / "home")
    name = minor_text(another.minor)
    spec = EnvironmentSpec("named", python=name)
    log: list[str] = []
    lock = environments.resolve(spec, log.append)
    assert lock.python != name
    assert f"Python {name} is not at hand: fetching it." in log
    assert any(f"Python {name} could not be fetched in " in line and "404" in line for line in log)
    log.clear()
    environments.resolve(spec, log.append)
    assert any(f"Python {name} is not at hand, and could not be fetched" in line and "404" in line for line in log)
    assert f"Python {name} is not at hand: fetching it." not in log

    (refusal,) = (bare / "home" / "pythons").glob(".refused-*")
    long_ago = refusal.stat().st_mtime - python_install.REFUSED_FOR_S - 1
    os.utime(refusal, (long_ago, long_ago))
    log.clear()
    environments.resolve(spec, log.append)
    assert f"Python {name} is not at hand: fetching it." in log


def test_a_machine_without_a_network_knows_it_in_seconds(bare, another, monkeypatch) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9")
    log: list[str] = []
    name = minor_text(another.minor)
    with pytest.raises(EnvironmentFailed, match=f"is strict.*python={name} is not at hand"):
        Environments(bare / "home").resolve(EnvironmentSpec("named", python=name, strict=True), log.append)
    (told,) = [line for line in log if "could not be fetched in" in line]
    assert "Connection refused" in told
    assert float(told.split(" fetched in ")[1].split(" s ")[0]) < 10


def python_or_skip(minor: tuple[int, int]) -> None:
    if minor not in [python.minor for python in at_hand()]:
        pytest.skip(f"no Python {minor_text(minor)} on this machine")


TELL = """
import sys, numpy, sklearn
from sklearn.svm import SVC
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
print("told", "%d.%d" % sys.version_info[:2], numpy.__version__, sklearn.__version__, SVC().fit(X, y).score(X, y) > 0.9)
"""


@pytest.mark.parametrize("minor", [(3, 8), max([*(held.minor for held in at_hand()), (3, 12)])])
def test_a_run_gets_the_python_that_it_names_and_the_packages_of_its_day(shared_server: RealServer, tmp_path, minor):
    python_or_skip(minor)
    name = minor_text(minor)
    client = shared_server.client()
    old = minor == (3, 8)
    script = TELL + ("print(numpy.float(1))" if old else "")  # v1-behaviours 0.1
    spec = EnvironmentSpec(f"of-{name}", python=name, conda=["scikit-learn", "numpy"], pip=["azureml-defaults"])
    run = finish(client, submit_script(client, tmp_path / "job", script, environment=spec), patience_s=240)
    assert run.status == COMPLETED, run.error
    log = read_log(client, run)
    told = next(line for line in log.splitlines() if line.startswith("told")).split()
    assert (told[1], told[4]) == (name, "True")
    if old:
        assert told[2:4] == ["1.19.2", "0.23.2"]  # the newest of 2020-10-15
    else:
        assert int(told[2].split(".")[0]) >= 2


def read_log(client: Client, run: Run) -> str:
    return client.runs.file(run.workspace_id, run.id, FileQuery("user_logs/std_log.txt")).read().decode()


def test_a_strict_server_fails_the_run_and_names_what_it_would_have_relaxed(fresh_server: RealServer, tmp_path) -> None:
    spec = EnvironmentSpec("mine", python=minor_text(own_minor()), conda=["numpy=1.26.4=py39_0"])
    client = fresh_server.client()
    lenient = finish(client, submit_script(client, tmp_path / "first", "print(1)", environment=spec), patience_s=120)
    assert lenient.status == COMPLETED, lenient.error
    fresh_server.terminate()
    fresh_server.home.config.write_text("strict = true\n")
    fresh_server.start()
    client = fresh_server.client()
    # What was resolved before, and relaxed, is no way round it.
    run = finish(client, submit_script(client, tmp_path / "second", "print(2)", environment=spec))
    assert run.status == FAILED
    assert run.error is not None
    assert "is strict, and this would relax it: numpy=1.26.4=py39_0" in run.error.message
