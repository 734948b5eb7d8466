"""Private indexes, machines without a network, and what uv's failures are told as; all against indexes made here."""

from __future__ import annotations

import re
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed, InvalidInput
from amlet.domain.environment import SUCCEEDED, EnvironmentSpec
from amlet.domain.run import COMPLETED
from amlet.environments import Environments
from amlet.wire.environments import BuildEnvironment, BuildQuery, BuildState
from support.cli import CommandLine
from support.runs import finish, submit_script
from support.server import RealServer
from support.wheels import LOGIN, index, list_in_index, self_signed, wheel

PASSWORD = LOGIN.split(":")[1]
LOG = "Full log: azureml-logs/20_image_build_log.txt"


def silent(line: str) -> None:
    """A log that nobody reads."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a home with blanks, 'quotes' and ü"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder with an index of two packages."""
    folder = tmp_path / "index"
    list_in_index(
        folder, "amletone", wheel(tmp_path / "wheels", "amletone"), wheel(tmp_path / "wheels", "amletone", "2.0")
    )
    list_in_index(folder, "amlettwo", wheel(tmp_path / "wheels", "amlettwo", requires="amletone<2"))
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds what another one fetched."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


def why(root: Path, *pip: str, name: str = "e") -> EnvironmentFailed:
    """The error of an environment that cannot be resolved."""
    with pytest.raises(EnvironmentFailed) as caught:
        Environments(root).resolve(EnvironmentSpec(name, pip=list(pip)), silent)
    assert "\n" not in caught.value.message
    assert caught.value.hint is not None
    assert caught.value.hint.endswith(LOG)
    return caught.value


def test_an_unknown_package_a_version_that_is_not_there_and_two_pins_that_fight_are_told_with_their_lines(
    root, served
) -> None:
    with index(served) as address:
        here = f"--index-url http://{address}"
        error = why(root, here, "amletnone")
        assert 'there is no package amletnone (the line "amletnone" under pip)' in error.message
        error = why(root, here, "amletone==3")
        assert 'there is no amletone==3 (the line "amletone==3" under pip)' in error.message
        error = why(root, here, "amlettwo", "amletone>=2")
        assert "every amlettwo needs amletone<2, but amletone>=2 is asked for (the lines" in error.message
        assert '"amletone>=2" under pip' in error.message
        assert '"amlettwo" under pip' in error.message
        list_in_index(served, "amletthree", wheel(served, "amletthree", requires="amletone>=2"))
        error = why(root, here, "amlettwo", "amletthree")
        assert re.search(
            "amlettwo needs amletone<2.*amletthree needs amletone>=2|three.*, but every aml", error.message
        )


def test_a_package_without_a_wheel_for_this_python_is_told_with_its_line(root, tmp_path) -> None:
    place = tmp_path / "index" / "simple" / "amletold"
    place.mkdir(parents=True)
    name = wheel(tmp_path, "amletold").rename(place / "amletold-1.0-cp27-cp27m-win32.whl").name
    (place / "index.html").write_text(f'<a href="{name}">{name}</a>')
    with index(tmp_path / "index") as address:
        error = why(root, f"--index-url http://{address}", "amletold==1.0")
    assert re.search(r'amletold==1.0 has no wheel for Python 3.\d+ on .* \(the line "amletold==1.0"', error.message)


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "wants a user and a password"), (403, "answered 403 Forbidden"), (500, "answered 500 Internal Server")],
)
def test_an_index_that_refuses_is_told_with_the_line_that_names_it(root, tmp_path, status, says) -> None:
    with index(tmp_path, status=status) as address:
        error = why(root, f"--index-url http://{address}", "amletone")
    host = address.removesuffix("/simple")
    assert f"{host} {says}" in error.message
    assert f'(the line "--index-url http://{address}" under pip)' in error.message


def test_an_index_with_a_certificate_that_nobody_signed_is_told_at_once(root, tmp_path) -> None:
    with index(tmp_path, certificate=self_signed(tmp_path)) as address:
        began = time.monotonic()
        error = why(root, f"--index-url https://{address}", "amletone")
        assert time.monotonic() - began < 5
    host = address.removesuffix("/simple")
    assert f"the certificate of {host} is not trusted: it is signed by itself" in error.message
    assert "SSL_CERT_FILE" in (error.hint or "")


def test_a_file_that_is_not_the_locked_one_is_told(root, served, tmp_path, monkeypatch) -> None:
    environments = Environments(root)
    with index(served) as address:
        lock = environments.resolve(EnvironmentSpec("e", pip=[f"--index-url http://{address}", "amletone"]), silent)
        wheel(served / "simple" / "amletone", "amletone", "2.0", body="other = 1")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "of another machine"))
        with pytest.raises(EnvironmentFailed, match="the file of amletone is not the one that was locked") as caught:
            environments.build(lock, silent)
    assert LOG in (caught.value.hint or "")
    assert environments.find(lock) is None


def test_a_build_without_a_network_and_with_an_empty_cache_fails_in_seconds(root, monkeypatch) -> None:
    monkeypatch.delenv("UV_HTTP_RETRIES")
    began = time.monotonic()
    error = why(root, "--index-url http://127.0.0.1:9/simple", "amletone")
    assert time.monotonic() - began < 15
    assert "127.0.0.1:9 cannot be reached: Connection refused" in error.message


@pytest.mark.every_fault
def test_packets_that_are_dropped_without_a_word_end_a_build_within_half_a_minute(root, monkeypatch) -> None:
    monkeypatch.delenv("UV_HTTP_RETRIES")
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        began = time.monotonic()
        error = why(root, f"--index-url http://127.0.0.1:{full.getsockname()[1]}/simple", "amletone")
        assert time.monotonic() - began < 30
        for one in waiting:
            one.close()
    assert "cannot be reached: deadline has elapsed" in error.message


def test_offline_builds_come_from_the_cache_and_what_it_has_not_is_named(root, served, monkeypatch) -> None:
    environments = Environments(root)
    with index(served) as address:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{address}")
        lock = environments.resolve(EnvironmentSpec("first", pip=["amlettwo"]), silent)
        environments.build(lock, silent)
    monkeypatch.setenv("UV_OFFLINE", "1")
    elsewhere = Environments(root / "elsewhere")
    again = elsewhere.resolve(EnvironmentSpec("again", pip=["amlettwo"]), silent)
    assert again == lock
    assert elsewhere.build(again, silent).python.exists()
    began = time.monotonic()
    error = why(root, "amletnone")
    assert time.monotonic() - began < 3
    assert "the network is switched off, and uv's cache has no amletnone (the line" in error.message
    assert "offline_environments" in (error.hint or "")


@pytest.mark.parametrize("how", ["variable", "named index", "netrc", "uv.toml"])
def test_the_lock_names_the_indexes_it_was_resolved_against_and_no_login(
    root, served, tmp_path, monkeypatch, how
) -> None:
    lines: list[str] = []
    with index(served, login=LOGIN) as address:
        if how == "variable":
            monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{LOGIN}@{address}")
        elif how == "named index":
            monkeypatch.setenv("UV_DEFAULT_INDEX", f"inner=http://{address}")
            monkeypatch.setenv("UV_INDEX_INNER_USERNAME", LOGIN.split(":")[0])
            monkeypatch.setenv("UV_INDEX_INNER_PASSWORD", PASSWORD)
        elif how == "netrc":
            monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{address}")
            (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login user password {PASSWORD}\n")
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        else:
            (tmp_path / "uv").mkdir()
            (tmp_path / "uv" / "uv.toml").write_text(f'index-url = "http://{LOGIN}@{address}"\n')
            monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        environments = Environments(root)
        lock = environments.resolve(EnvironmentSpec("private", pip=["amlettwo"]), lines.append)
        environments.build(lock, lines.append)
    assert lock.indexes == [f"http://{address}"]
    assert "index-url" not in lock.requirements
    assert lock.version_of("amletone") == "1.0"
    assert PASSWORD not in "\n".join([*lines, str(lock)])
    assert not holding(root, PASSWORD)


def test_an_index_that_a_spec_names_is_opened_by_the_login_in_netrc(root, served, tmp_path, monkeypatch) -> None:
    lines: list[str] = []
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / ".netrc").write_text(f"machine 127.0.0.1 login user password {PASSWORD}\n")
    with index(served, login=LOGIN) as address:
        spec = EnvironmentSpec("private", pip=[f"--index-url http://{address}", "amlettwo"])
        lock = Environments(root).resolve(spec, lines.append)
        # A node has the lock alone.
        Environments(root / "of a node").build(lock, lines.append)
    assert lock.requirements.startswith(f"--index-url http://{address}\n")
    assert PASSWORD not in "\n".join([*lines, str(lock)])
    assert not holding(root, PASSWORD)


def test_a_password_with_an_at_sign_in_it_is_taken_out_whole(root, served, monkeypatch) -> None:
    lines: list[str] = []
    with index(served, login="user:s3@cret") as address:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://user:s3@cret@{address}")
        environments = Environments(root)
        lock = environments.resolve(EnvironmentSpec("private", pip=["amletone"]), lines.append)
        environments.build(lock, lines.append)
    assert lock.indexes == [f"http://{address}"]
    assert "cret" not in "\n".join([*lines, str(lock)])
    assert not holding(root, "cret")


@pytest.fixture
def private_server(fresh_server: RealServer, served: Path) -> Iterator[CommandLine]:
    """A server whose index wants a password that it has from its variables, and whose netrc is empty."""
    fresh_server.terminate()
    with index(served, login=LOGIN) as address:
        fresh_server.start(UV_DEFAULT_INDEX=f"http://{LOGIN}@{address}")
        yield CommandLine(fresh_server, f"private{uuid.uuid4().hex[:8]}", served)


def built(place: CommandLine, spec: EnvironmentSpec) -> tuple[BuildState, str]:
    api = place.client.environments
    build = api.build(place.workspace_id, BuildEnvironment(spec))
    log, offset = "", 0
    while True:
        state = api.build_state(place.workspace_id, build.id, BuildQuery(offset, 30.0))
        log, offset = log + state.log, state.next_offset
        if state.build.is_over and not state.log:
            return state, log


def test_a_servers_password_for_its_index_is_nowhere_in_its_home(private_server: CommandLine, tmp_path) -> None:
    spec = EnvironmentSpec("private", pip=["amlettwo"])
    state, log = built(private_server, spec)
    assert state.build.status == SUCCEEDED, log
    run = submit_script(private_server.client, tmp_path / "job", "import amlettwo; print('fine')", environment=spec)
    assert finish(private_server.client, run).status == COMPLETED
    failed, log = built(private_server, EnvironmentSpec("wrong", pip=["amletnone"]))
    assert "there is no package amletnone" in (failed.build.error or "")
    assert PASSWORD not in log
    assert not holding(private_server.server.home.root, PASSWORD)


def test_a_login_in_a_spec_is_refused_before_it_is_kept(private_server: CommandLine, tmp_path) -> None:
    line = "--index-url http://user:t0ps3cret@127.0.0.1:9/simple"
    with pytest.raises(InvalidInput, match="has a login in its address"):
        built(private_server, EnvironmentSpec("private", pip=[line]))
    (private_server.folder / "environment.yml").write_text(f"dependencies: [python, pip, {{pip: ['{line}']}}]")
    told = private_server.cli("env", "build", "environment.yml", code=1)
    assert "t0ps3cret" not in told.out + told.err
    assert not holding(private_server.server.home.root, "t0ps3cret")


def test_a_server_with_offline_environments_asks_no_index(fresh_server: RealServer, served: Path) -> None:
    fresh_server.terminate()
    with index(served) as address:
        fresh_server.start(UV_DEFAULT_INDEX=f"http://{address}", AMLET_OFFLINE_ENVIRONMENTS="1")
        place = CommandLine(fresh_server, "offline", served)
        state, _ = built(place, EnvironmentSpec("e", pip=["amletone"]))
    assert "the network is switched off, and uv's cache has no amletone" in (state.build.error or "")


def holding(folder: Path, text: str) -> list[Path]:
    """The files below a folder that hold a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
