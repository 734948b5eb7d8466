"""What only conda has: from a channel made here, by py-rattler and by a stand-in for conda's programs."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.environments import Build, Environments
from amlet.environments.conda import activated
from amlet.environments.pythons import minor_text, own_minor
from amlet.wire.files import FileQuery
from support import conda_program
from support.channel import PLACEHOLDER, SUBDIR, Channel
from support.runs import finish, submit_script
from support.server import RealServer

ACTIVATE = """
export NATIVE_DATA="$CONDA_PREFIX/share/native data"
export PATH="$CONDA_PREFIX/libexec:$PATH"
unset NOTHING_OF_THE_KIND
"""
SECRET = "s3cret-of-the-channel"


def silent(line: str) -> None:
    """A log that nobody reads."""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    made = Channel(tmp_path_factory.mktemp("a channel"))
    made.add_python()
    made.add_module(
        "amletmod", "1.2", "def main():\n    print('from conda')\n", depends=["libnative >=3"], command="amlet-mod"
    )
    # `graphviz` is a name that only conda has; this one is ours.
    made.add(
        "graphviz", "9.0", {"bin/dot": f'#!/bin/sh\necho "{PLACEHOLDER}/share"\n'}, depends=["libnative"], build="h1_0"
    )
    made.add("graphviz", "9.0", {"bin/dot": "#!/bin/sh\necho other build\n"}, build="h2_0", number=1)
    made.add("libnative", "3.1", {"share/native data": b"\x7f\0", "etc/conda/activate.d/native.sh": ACTIVATE})
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a home with blanks, 'quotes' and ü"


@pytest.fixture(autouse=True)
def _bare_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program of this machine's own counts."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")


@pytest.fixture
def _no_rattler(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without the extra."""
    monkeypatch.setitem(sys.modules, "rattler", None)


def spec_of(channel: Channel, *conda: str, pip: list[str] | None = None, **more: object) -> EnvironmentSpec:
    spec = EnvironmentSpec("native", conda=list(conda or ("graphviz", "AmletMod>=1")), channels=[channel.url])
    return spec._replace(pip=pip or [], **more)


def output_of(build: Build, *argv: str) -> str:
    program = [str(build.path / "bin" / argv[0]), *argv[1:]]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout.strip()


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """A wheel of one module, made here."""
    stem = f"{name}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")


def from_here(folder: Path, *lines: str) -> list[str]:
    """Lines of pip's that look into a folder alone."""
    return ["--no-index", f"--find-links {folder}", *lines]


@contextlib.contextmanager
def served(channel: Channel, handler: type[http.server.SimpleHTTPRequestHandler]) -> Iterator[str]:
    """A channel over HTTP, on loopback."""

    class Quiet(handler):  # type: ignore[misc, valid-type]
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

        def copyfile(self, source: object, outputfile: object) -> None:
            with contextlib.suppress(ConnectionError):  # who finds a forged file hangs up
                super().copyfile(source, outputfile)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(channel.folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def keep_login(folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Put the login of the guarded channel where users do: `netrc`, or rattler's file (`auth file`, `token`)."""
    home = folder / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    if how == "netrc":
        (home / ".netrc").write_text(f"machine 127.0.0.1 login user password {SECRET}\n")
        return
    by_password = {"BasicHTTP": {"username": "user", "password": SECRET}}
    (home / "auth.json").write_text(
        json.dumps({"127.0.0.1": {"CondaToken": SECRET} if how == "token" else by_password})
    )
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(home / "auth.json"))


def names(lock: Lock) -> set[str]:
    return {package.name for package in lock.packages}


def test_a_spec_with_a_package_that_only_conda_has_is_locked_and_built_by_conda(root, channel) -> None:
    environments, log = Environments(root), []
    lock = environments.resolve(spec_of(channel, "graphviz", "AmletMod>=1", "azureml-defaults"), log.append)
    assert lock.python == minor_text(own_minor())
    assert names(lock) == {"python", "graphviz", "amletmod", "libnative"}
    files = {held.name: held for held in lock.conda}
    assert files["graphviz"].url == f"{channel.url}/{SUBDIR}/graphviz-9.0-h2_0.tar.bz2"
    assert all(len(held.sha256) == 64 for held in lock.conda)
    assert "Only conda has graphviz: py-rattler resolves all of conda's lines." in log
    assert "  dropped | azureml-defaults | amlet provides it" in log
    assert environments.find(lock) is None
    build = environments.build(lock, log.append)
    assert environments.find(lock) == build
    assert output_of(build, "python", "-c", "import amletmod, sys; print(sys.prefix)") == str(build.path)
    assert output_of(build, "amlet-mod") == "from conda"
    assert environments.resolve(spec_of(channel, "graphviz", "AmletMod>=1"), silent).id == lock.id


def test_conda_takes_the_build_string_that_pypi_could_not(root, channel) -> None:
    environments = Environments(root)
    lock = environments.resolve(spec_of(channel, "graphviz=9.0=h1_0", strict=True), silent)
    build = environments.build(lock, silent)
    # Where the package was told that it lies is where it lies.
    assert output_of(build, "dot") == f"{build.path}/share"


def test_what_activation_scripts_set_is_there_for_jobs(root, channel) -> None:
    environments, log = Environments(root), []
    build = environments.build(environments.resolve(spec_of(channel), silent), log.append)
    assert "Jobs get what these scripts of packages set: native.sh." in log
    found = activated({"PATH": "/usr/bin", "OTHER": "1"}, build.python)
    assert found == {
        "CONDA_PREFIX": str(build.path),
        "NATIVE_DATA": f"{build.path}/share/native data",
        "OTHER": "1",
        "PATH": f"{build.path}/libexec:{build.path}/bin:/usr/bin",
    }


def test_an_activation_script_that_fails_is_told_and_the_build_is_there(root, tmp_path) -> None:
    own = Channel(tmp_path / "own")
    own.add_python()
    own.add("graphviz", "1.0", {"etc/conda/activate.d/bad.sh": "return 3\n"})
    environments, log = Environments(root), []
    build = environments.build(environments.resolve(spec_of(own, "graphviz"), silent), log.append)
    assert "What these scripts of packages set is not set in jobs, since they failed: bad.sh." in log
    assert activated({"PATH": "x"}, build.python)["CONDA_PREFIX"] == str(build.path)


def test_pips_list_is_locked_around_condas_packages_which_stay(root, channel, tmp_path) -> None:
    wheel(tmp_path, "amletpip", "1.0", "amletmod>=1.1")
    environments = Environments(root)
    lock = environments.resolve(spec_of(channel, pip=from_here(tmp_path, "amletpip")), silent)
    assert "amletpip==1.0" in lock.requirements
    assert "amletmod" not in lock.requirements
    build = environments.build(lock, silent)
    assert output_of(build, "python", "-c", "import amletpip; print(amletpip.version)") == "1.0"
    assert output_of(build, "amlet-mod") == "from conda"


def test_a_line_of_pips_that_condas_version_fits_installs_nothing(root, channel, tmp_path) -> None:
    lock = Environments(root).resolve(spec_of(channel, pip=from_here(tmp_path, "amletmod>=1,<2")), silent)
    assert "amletmod" not in lock.requirements
    assert lock.version_of("amletmod") == "1.2"


def test_a_line_of_pips_that_wants_another_version_replaces_condas_package(root, channel, tmp_path) -> None:
    wheel(tmp_path, "amletmod", "2.0")
    environments = Environments(root)
    spec = spec_of(channel, pip=from_here(tmp_path, "amletmod==2.0"))
    lock = environments.resolve(spec, silent)
    assert "amletmod==2.0: pip's line replaces conda's package." in lock.notes
    assert [package.version for package in lock.packages if package.name == "amletmod"] == ["2.0"]
    build = environments.build(lock, silent)
    assert output_of(build, "python", "-c", "import amletmod; print(amletmod.version)") == "2.0"
    with pytest.raises(EnvironmentFailed, match=r"is strict.*pip's line replaces"):
        environments.resolve(spec._replace(strict=True), silent)


def test_a_package_of_pips_that_does_not_fit_condas_is_told(root, channel, tmp_path) -> None:
    wheel(tmp_path, "amletpip", "1.0", "amletmod>=5")
    with pytest.raises(EnvironmentFailed, match=r"amletpip.*needs amletmod>=5"):
        Environments(root).resolve(spec_of(channel, pip=from_here(tmp_path, "amletpip")), silent)


def test_a_name_that_the_index_has_not_is_looked_for_in_the_channels(root, channel, tmp_path) -> None:
    environments, log = Environments(root), []
    lock = environments.resolve(spec_of(channel, "amletmod", pip=from_here(tmp_path)), log.append)
    assert names(lock) == {"python", "amletmod", "libnative"}
    assert "PyPI has no amletmod: py-rattler resolves all of conda's lines." in log


def test_what_no_channel_has_is_told_with_its_line(root, channel) -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        Environments(root).resolve(spec_of(channel, "graphviz=77", "amletmod"), silent)
    assert str(caught.value).splitlines()[0] == (
        'py-rattler could not resolve environment "native": No candidates were found for graphviz 77.* '
        '(the line "graphviz=77" under dependencies).'
    )
    assert "the channels of the spec" in str(caught.value.hint)


@pytest.mark.parametrize("how", ["netrc", "token"])
def test_a_channel_that_cannot_be_reached_is_told_without_its_login(root, tmp_path, monkeypatch, how) -> None:
    keep_login(tmp_path, monkeypatch, how)
    spec = EnvironmentSpec("far", conda=["graphviz"], channels=["http://127.0.0.1:1/far"])
    lines: list[str] = []
    with pytest.raises(EnvironmentFailed, match=r"could not resolve.*127\.0\.0\.1:1/.*refused") as caught:
        Environments(root).resolve(spec, lines.append)
    assert SECRET not in "\n".join([*lines, str(caught.value)])


def test_a_later_channel_helps_out_where_the_first_has_not_all(root, tmp_path) -> None:
    first, second = Channel(tmp_path / "first"), Channel(tmp_path / "second")
    first.add_python()
    first.add("graphviz", "1.0", depends=["libnative >=3"])
    first.add("libnative", "2.0")
    second.add("libnative", "3.0")
    second.add("graphviz", "2.0")
    spec = spec_of(first, "graphviz")._replace(channels=[first.url, second.url])
    lock = Environments(root).resolve(spec._replace(conda=["graphviz=1"]), silent)
    assert lock.version_of("libnative") == "3.0"
    # The first channel that has a package is the one whose releases count.
    second.add("libnative", "1.0")
    first.add("libnative", "3.5")
    assert Environments(root).resolve(spec, silent).version_of("graphviz") == "1.0"


def test_an_old_python_gets_condas_packages_of_its_day(root, tmp_path) -> None:
    dated = Channel(tmp_path / "dated")
    dated.add("python", "3.8.12", day="2020-09-01")
    dated.add("python", "3.8.20", day="2024-09-01")
    dated.add("graphviz", "1.0", day="2020-01-01")
    dated.add("graphviz", "2.0", day="2023-01-01")
    environments = Environments(root)
    lock = environments.resolve(spec_of(dated, "graphviz", python="3.6.2"), silent)
    assert (lock.python, lock.as_of, lock.version_of("graphviz")) == ("3.8", "2020-10-15", "1.0")
    assert lock.notes[1].startswith("python=3.6.2 is past its end of life: conda brings Python 3.8, the oldest")
    # v1's own default (v1-behaviours 10.1) is younger than the day.
    assert environments.resolve(spec_of(dated, "graphviz", python="3.8.13"), silent).id == lock.id
    lines: list[str] = []
    younger = environments.resolve(spec_of(dated, "graphviz=2", python="3.8"), lines.append)
    assert (younger.as_of, younger.version_of("graphviz")) == (None, "2.0")
    assert any("the date is lifted for all packages" in note for note in younger.notes)
    with pytest.raises(EnvironmentFailed, match=r"is strict.*the date is lifted"):
        environments.resolve(spec_of(dated, "graphviz=2", python="3.8", strict=True), silent)


def test_a_file_that_is_not_the_one_that_was_locked_is_refused(root, tmp_path) -> None:
    own = Channel(tmp_path / "own")
    own.add_python()
    path = own.add("graphviz", "1.0", {"bin/dot": "#!/bin/sh\n"})
    environments = Environments(root)
    lock = environments.resolve(spec_of(own, "graphviz"), silent)
    good = path.read_bytes()
    own.add("graphviz", "1.0", {"bin/dot": "#!/bin/sh\necho forged\n"})
    with pytest.raises(EnvironmentFailed, match=r"py-rattler could not build.*: the file of graphviz is not the one"):
        environments.build(lock, silent)
    assert environments.find(lock) is None
    path.write_bytes(good)
    assert environments.build(lock, silent) == environments.find(lock)


def test_a_forged_file_of_a_channel_on_the_net_is_refused(root, tmp_path) -> None:
    own = Channel(tmp_path / "own")
    own.add_python()
    own.add("graphviz", "1.0", {"bin/dot": "#!/bin/sh\n"})
    environments = Environments(root)
    with served(own, http.server.SimpleHTTPRequestHandler) as address:
        spec = EnvironmentSpec("served", conda=["graphviz"], channels=[f"http://{address}"])
        lock = environments.resolve(spec, silent)
        own.add("graphviz", "1.0", {"bin/dot": "#!/bin/sh\necho forged\n"})
        with pytest.raises(EnvironmentFailed, match="the file of graphviz is not the one that was locked"):
            environments.build(lock, silent)


def test_two_channels_with_a_package_of_one_name_and_build_do_not_get_each_others(root, tmp_path) -> None:
    environments = Environments(root)
    for name in ("one", "two"):
        own = Channel(tmp_path / name)
        own.add_python()
        own.add("graphviz", "1.0", {"bin/dot": f"#!/bin/sh\necho {name}\n"})
        build = environments.build(environments.resolve(spec_of(own, "graphviz"), silent), silent)
        assert output_of(build, "dot") == name


def test_a_half_made_build_is_made_again(root, channel) -> None:
    environments = Environments(root)
    lock = environments.resolve(spec_of(channel), silent)
    half = root / "builds" / lock.id / "bin"
    half.mkdir(parents=True)
    (half / "python").write_text("#!/bin/sh\n")
    (half / "python").chmod(0o755)
    (half / "left-over").touch()
    assert environments.find(lock) is None
    build = environments.build(lock, silent)
    assert output_of(build, "amlet-mod") == "from conda"
    assert not (half / "left-over").exists()


def test_a_build_whose_home_moved_is_made_again_where_it_is_now(root, channel, tmp_path) -> None:
    lock = Environments(root).resolve(spec_of(channel, "graphviz=9.0=h1_0"), silent)
    Environments(root).build(lock, silent)
    moved = tmp_path / "moved"
    root.rename(moved)
    environments = Environments(moved)
    assert environments.find(lock) is None
    build = environments.build(lock, silent)
    assert output_of(build, "dot") == f"{build.path}/share"
    assert str(build.path).startswith(str(moved))


def test_of_many_who_ask_for_one_build_one_makes_it(root, channel) -> None:
    environments = Environments(root)
    lock = environments.resolve(spec_of(channel), silent)
    lines: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        builds = list(pool.map(lambda _: environments.build(lock, lines.append), range(4)))
    assert len(set(builds)) == 1
    assert sum(line.startswith("py-rattler installs") for line in lines) == 1


class GuardedChannel(http.server.SimpleHTTPRequestHandler):
    """A channel that wants a password, or a token in the path."""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(f"user:{SECRET}".encode()).decode()
        token = f"/t/{SECRET}/"
        if self.path.startswith(token):
            self.path = "/" + self.path[len(token) :]
            super().do_GET()
        elif self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="channel"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()


@pytest.fixture
def guarded(channel: Channel) -> Iterator[str]:
    with served(channel, GuardedChannel) as address:
        yield address


@pytest.mark.parametrize("how", ["netrc", "auth file", "token"])
def test_the_login_of_a_channel_reaches_neither_lock_nor_log_nor_build(
    root, guarded, tmp_path, monkeypatch, how
) -> None:
    keep_login(tmp_path, monkeypatch, how)
    environments, lines = Environments(root), []
    address = f"http://{guarded}"
    spec = EnvironmentSpec("private", conda=["graphviz", f"{address}::amletmod"], channels=[address])
    lock = environments.resolve(spec, lines.append)
    assert {held.url.split("/")[2] for held in lock.conda} == {guarded}
    # A node has the lock alone.
    build = Environments(root / "of a node").build(lock, lines.append)
    assert output_of(build, "amlet-mod") == "from conda"
    assert SECRET not in "\n".join([*lines, str(lock)])
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_a_channel_that_wants_a_password_which_nobody_has_is_told(root, guarded, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    spec = EnvironmentSpec("private", conda=["graphviz"], channels=[f"http://{guarded}"])
    with pytest.raises(EnvironmentFailed, match=r"could not resolve.*401"):
        Environments(root).resolve(spec, silent)


@pytest.mark.usefixtures("_no_rattler")
def test_without_any_conda_the_error_names_the_packages_and_the_ways_out(root, channel) -> None:
    spec = spec_of(channel, "graphviz=9", "r-dplyr", "numpy")
    with pytest.raises(EnvironmentFailed) as caught:
        Environments(root).resolve(spec, silent)
    assert str(caught.value) == (
        'Environment "native" needs what only conda has, and there is no conda program here: '
        'graphviz (the line "graphviz=9": a program, not a Python package); '
        'r-dplyr (the line "r-dplyr": a package of R\'s).\n'
        "  hint: put micromamba, mamba or conda on the server's PATH; or `pip install 'amlet[conda]'` there; or take "
        "the line out, or put the package of PyPI's that you need under pip. "
        "Full log: azureml-logs/20_image_build_log.txt"
    )


def test_a_lock_with_condas_packages_is_not_built_where_there_is_no_conda(root, channel, monkeypatch) -> None:
    environments = Environments(root)
    lock = environments.resolve(spec_of(channel), silent)
    monkeypatch.setitem(sys.modules, "rattler", None)
    with pytest.raises(EnvironmentFailed, match="has 4 packages of conda's, and this machine has no conda program"):
        environments.build(lock, silent)


@pytest.mark.usefixtures("_no_rattler")
def test_a_name_that_nobody_has_is_told_with_both_ways_out(root, channel, tmp_path) -> None:
    spec = spec_of(channel, "amletmood", pip=from_here(tmp_path))
    with pytest.raises(EnvironmentFailed, match="there is no package amletmood") as caught:
        Environments(root).resolve(spec, silent)
    assert "check its spelling; if only conda has it, put micromamba" in str(caught.value.hint)


@pytest.mark.usefixtures("_no_rattler")
def test_a_program_of_the_machines_own_will_do_where_there_is_no_conda(root, channel, tmp_path) -> None:
    own = tmp_path / "bin" / "dot"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    environments = Environments(root)
    lock = environments.resolve(spec_of(channel, "graphviz"), silent)
    assert lock.conda == []
    assert f"graphviz: only conda has it: this machine's own {own} is used" in lock.notes
    with pytest.raises(EnvironmentFailed, match=r"is strict.*this machine's own"):
        environments.resolve(spec_of(channel, "graphviz", strict=True), silent)


@pytest.mark.parametrize("name", ["micromamba", "conda"])
def test_a_program_on_path_solves_and_installs_by_its_command_line(root, channel, tmp_path, monkeypatch, name) -> None:
    folder = conda_program.place(tmp_path / "programs", name)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    environments, log = Environments(root), []
    lock = environments.resolve(spec_of(channel, "graphviz =9.0", "AmletMod>=1"), log.append)
    assert f"Only conda has graphviz: {name} resolves all of conda's lines." in log
    build = environments.build(lock, silent)
    assert environments.find(lock) == build
    assert output_of(build, "amlet-mod") == "from conda"
    assert activated({"PATH": "x"}, build.python)["NATIVE_DATA"] == f"{build.path}/share/native data"
    solve, install = conda_program.command_lines(folder)
    common = ["create", "--yes", "--json", "--prefix"]
    assert solve[:4] == common
    minor = minor_text(own_minor())
    asked = [f"python={minor}", "graphviz =9.0", "amletmod>=1"]
    assert solve[5:] == ["--dry-run", "--override-channels", "--channel", channel.url, *asked]
    assert install[:5] == [*common, str(build.path)]
    assert install[5] == "--file"
    # The same lock, whoever solved it.
    by_rattler = Environments(root)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert by_rattler.resolve(spec_of(channel, "graphviz =9.0", "AmletMod>=1"), silent).id == lock.id


def test_what_a_program_says_when_it_fails_is_quoted(root, channel, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", f"{conda_program.place(tmp_path / 'programs', 'micromamba')}:/usr/bin:/bin")
    with pytest.raises(EnvironmentFailed, match=r'^micromamba could not resolve environment "native": .*graphviz 77'):
        Environments(root).resolve(spec_of(channel, "graphviz=77"), silent)


@pytest.mark.parametrize("said", ["on standard error", "in its answer"])
def test_a_login_that_a_program_has_from_its_own_settings_and_says_is_taken_out(
    root, channel, tmp_path, monkeypatch, said
) -> None:
    text = f"HTTP 403 http://user:{SECRET}@host.example/t/{SECRET}/channel"
    place = tmp_path / "programs" / "micromamba"
    place.parent.mkdir()
    told = f"echo '{text}' >&2" if said == "on standard error" else f"""echo '{{"message": "{text}"}}'"""
    place.write_text(f"#!/bin/sh\n{told}\nexit 1\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.parent}:/usr/bin:/bin")
    lines: list[str] = []
    with pytest.raises(EnvironmentFailed, match=r"HTTP 403 http://host\.example/channel") as caught:
        Environments(root).resolve(spec_of(channel), lines.append)
    assert SECRET not in "\n".join([*lines, str(caught.value)])


def test_a_login_in_the_addresses_that_a_program_answers_is_not_locked(root, channel, tmp_path, monkeypatch) -> None:
    record = {"version": "3.11.7", "sha256": "0" * 64, "name": "python"}
    record["url"] = f"http://user:{SECRET}@host.example/t/{SECRET}/channel/linux-64/python-3.11.7-0.conda"
    place = tmp_path / "programs" / "micromamba"
    place.parent.mkdir()
    place.write_text(f"#!/bin/sh\necho '{json.dumps({'actions': {'FETCH': [record]}})}'\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.parent}:/usr/bin:/bin")
    lock = Environments(root).resolve(spec_of(channel), silent)
    assert [held.url for held in lock.conda] == ["http://host.example/channel/linux-64/python-3.11.7-0.conda"]
    assert SECRET not in str(lock)


def test_a_file_that_a_program_installed_is_checked_too(root, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", f"{conda_program.place(tmp_path / 'programs', 'micromamba')}:/usr/bin:/bin")
    own = Channel(tmp_path / "own")
    own.add_python()
    own.add("graphviz", "1.0", {"bin/dot": "#!/bin/sh\n"})
    environments = Environments(root)
    lock = environments.resolve(spec_of(own, "graphviz"), silent)
    own.add("graphviz", "1.0", {"bin/dot": "#!/bin/sh\necho forged\n"})
    with pytest.raises(EnvironmentFailed, match="the file of graphviz is not the one that was locked"):
        environments.build(lock, silent)
    assert environments.find(lock) is None


def test_a_program_that_knows_no_dates_gives_todays_packages_and_says_so(
    root, tmp_path, monkeypatch, _no_rattler
) -> None:
    monkeypatch.setenv("PATH", f"{conda_program.place(tmp_path / 'programs', 'micromamba')}:/usr/bin:/bin")
    dated = Channel(tmp_path / "dated")
    dated.add("python", "3.8.20", day="2024-09-01")
    dated.add("graphviz", "2.0", day="2023-01-01")
    lock = Environments(root).resolve(spec_of(dated, "graphviz", python="3.8"), silent)
    assert (lock.as_of, lock.version_of("graphviz")) == (None, "2.0")
    assert "micromamba knows no dates: packages are today's, not as of 2020-10-15." in lock.notes


def test_a_run_sees_condas_packages_programs_and_variables(fresh_server: RealServer, channel, tmp_path) -> None:
    text = (
        "import amletmod, json, os, subprocess, sys\n"
        "dot = subprocess.run(['dot'], capture_output=True, text=True).stdout\n"
        "told = [dot, os.environ['NATIVE_DATA'], sys.prefix, os.environ['OWN']]\n"
        "print(json.dumps(told))\n"
    )
    spec = spec_of(channel, "graphviz=9.0=h1_0", "amletmod", variables={"OWN": "of the yaml"})
    client = fresh_server.client()
    run = finish(client, submit_script(client, tmp_path / "source", text, environment=spec), patience_s=120)
    assert run.status == "Completed", run.error
    with client.runs.file(run.workspace_id, run.id, FileQuery("user_logs/std_log.txt")) as body:
        told = json.loads(body.read())
    prefix = told[2]
    assert told == [f"{prefix}/share\n", f"{prefix}/share/native data", prefix, "of the yaml"]
    assert os.path.dirname(prefix) == str(fresh_server.home.environments / "builds")
