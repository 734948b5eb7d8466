"""Environments, resolved and built by the real uv under the Pythons of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed, StorageFailed
from amlet.domain.environment import EnvironmentSpec
from amlet.environments import Environments, curated
from amlet.environments.once import MARKER
from amlet.environments.pythons import Minor, at_hand, minor_text, own_minor
from amlet.environments.resolve import this_platform
from support.wheels import index, list_in_index

# The page's yaml (v1-behaviours 0.2).
PAGE = EnvironmentSpec("sklearn-env", python="3.6.2", conda=["scikit-learn", "numpy"], pip=["azureml-defaults"])
EMPTY = EnvironmentSpec("empty", pip=["azureml-defaults"])
OLD_NAMES = "import numpy, sklearn; print(numpy.str('a'), numpy.float(1))"


def silent(line: str) -> None:
    """A log that nobody reads."""


def only(*minors: Minor) -> list[Path]:
    """The interpreters of some minor versions; skips where one is missing."""
    found = {python.minor: python.path for python in at_hand()}
    for minor in minors:
        if minor not in found:
            pytest.skip(f"no Python {minor_text(minor)} on this machine")
    return [found[minor] for minor in minors]


def output_of(python: Path, code: str) -> str:
    argv = [str(python), "-W", "ignore", "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def leftovers(root: Path) -> list[Path]:
    return list(root.glob("builds/.*.part"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a home with blanks, 'quotes' and ü"


@pytest.mark.parametrize(("minor", "as_of"), [((3, 8), "2020-10-15"), ((3, 11), "2022-12-01")])
def test_the_pages_yaml_gets_packages_that_still_have_the_names_its_script_calls(root, minor, as_of) -> None:
    environments = Environments(root, pythons=only(minor))
    log: list[str] = []
    lock = environments.resolve(PAGE, log.append)
    assert (lock.python, lock.as_of) == (minor_text(minor), as_of)
    numpy = lock.version_of("numpy")
    assert numpy is not None
    assert tuple(map(int, numpy.split(".")[:2])) < (1, 24)  # v1-behaviours 0.1
    assert any(as_of in line for line in log)
    assert any("azureml-defaults" in line for line in log)
    assert environments.find(lock) is None
    build = environments.build(lock, silent)
    assert output_of(build.python, OLD_NAMES) == "a 1.0"
    assert environments.find(lock) == build
    assert not leftovers(root)


def test_the_same_spec_resolves_to_the_same_lock(root) -> None:
    environments = Environments(root)
    assert environments.resolve(PAGE, silent) == environments.resolve(PAGE, silent)


def test_a_known_build_is_found_within_a_millisecond(root) -> None:
    environments = Environments(root)
    lock = environments.resolve(EMPTY, silent)
    environments.build(lock, silent)
    took = []
    for _ in range(100):
        began = time.perf_counter()
        assert environments.find(lock)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.001


def test_an_empty_environment_is_a_bare_python(root) -> None:
    environments = Environments(root)
    lock = environments.resolve(EMPTY, silent)
    assert (lock.packages, lock.python, lock.as_of) == ([], minor_text(own_minor()), None)
    build = environments.build(lock, silent)
    assert output_of(build.python, "import sys; print(sys.prefix)") == str(build.path)


@pytest.mark.parametrize("name", curated.names())
def test_every_curated_name_resolves_under_the_oldest_and_our_own_python(root, name) -> None:
    spec = curated.find(name)
    assert spec is not None
    everything = Environments(root).resolve(spec, silent)
    assert everything.notes
    ours = Environments(root, pythons=only((3, 11))).resolve(spec, silent)
    assert ours.python == "3.11"
    wanted = "scikit-learn" in " ".join(spec.conda)
    assert all((lock.version_of("scikit-learn") is not None) == wanted for lock in (everything, ours))
    # The page's script calls np.float (v1-behaviours 0.1), whichever of these names it runs under.
    numpy = ours.version_of("numpy")
    is_ours = name.startswith("amlet-")  # of today's packages
    assert is_ours or numpy is None or tuple(map(int, numpy.split(".")[:2])) < (1, 24)


def test_a_curated_pin_without_a_wheel_is_relaxed_to_the_nearest_and_said(root) -> None:
    spec = curated.find("AzureML-sklearn-0.24-ubuntu18.04-py37-cpu")
    assert spec is not None
    lock = Environments(root, pythons=only((3, 11))).resolve(spec, silent)
    assert lock.version_of("scikit-learn") == "1.1.3"
    assert any("scikit-learn=0.24: no wheel for Python 3.11; 1.1.3" in note for note in lock.notes)


def test_a_pin_younger_than_the_era_lifts_the_date_for_that_package_alone(root) -> None:
    environments = Environments(root, pythons=only((3, 8)))
    lock = environments.resolve(EnvironmentSpec("young", python="3.8", conda=["scikit-learn=1.0", "numpy"]), silent)
    assert lock.version_of("scikit-learn") == "1.0.2"
    assert lock.version_of("numpy") == "1.19.2"
    assert lock.as_of == "2020-10-15"
    assert any("the date is lifted for scikit-learn" in note for note in lock.notes)


def test_a_pin_that_fits_nothing_of_its_era_lifts_the_date_for_all(root) -> None:
    environments = Environments(root, pythons=only((3, 8)))
    lock = environments.resolve(EnvironmentSpec("younger", python="3.8", pip=["scikit-learn==1.3.2"]), silent)
    assert lock.version_of("scikit-learn") == "1.3.2"
    assert lock.as_of is None
    assert any("lifted for all packages" in note for note in lock.notes)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (EnvironmentSpec("e", python="3.6.2", strict=True), "Python 3.11"),
        (EnvironmentSpec("e", python="3.12", strict=True), "python=3.12 is not at hand"),
        (EnvironmentSpec("e", conda=["numpy=1.26.4=py311_0"], strict=True), "build string py311_0"),
    ],
)
def test_strict_turns_a_relaxation_into_an_error(root, spec, says) -> None:
    with pytest.raises(EnvironmentFailed, match="is strict") as caught:
        Environments(root, pythons=only((3, 11))).resolve(spec, silent)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("spec", "says", "hint"),
    [
        (
            EnvironmentSpec("e", conda=["numpy", "scikit-lern-amlet"]),
            'there is no package scikit-lern-amlet (the line "scikit-lern-amlet" under dependencies)',
            "spelling",
        ),
        (
            EnvironmentSpec("e", pip=["numpy==99"]),
            "there is no numpy==99",
            "drop the pin",
        ),
        (
            EnvironmentSpec("e", python="3.6.2", conda=["scikit-learn=0.19.1"]),
            f'has no wheel for Python 3.11 on {this_platform()} (the line "scikit-learn=0.19.1" under dependencies)',
            "scikit-learn==1.1.3, the nearest version",
        ),
        (
            EnvironmentSpec("e", python="3.8", conda=["scikit-learn=0.22.2"]),
            "has no wheel for Python 3.11",
            "install Python 3.8, which has a wheel of scikit-learn=0.22.2",
        ),
        (
            EnvironmentSpec("e", conda=["numpy=1.23.5"], pip=["scipy==1.16.0"]),
            'the lines "numpy=1.23.5" under dependencies and "scipy==1.16.0" under pip',
            "drop one of the pins",
        ),
        (EnvironmentSpec("e", pip=["numpy==1..2"]), "not part of a valid version", "numpy==1.19.2"),
        (
            EnvironmentSpec("e", pip=["--index-url http://127.0.0.1:9/simple", "numpy"]),
            "127.0.0.1:9 cannot be reached: Connection refused",
            "network",
        ),
    ],
)
def test_what_uv_cannot_resolve_is_one_cause_with_its_line_and_a_hint(root, spec, says, hint, monkeypatch) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(EnvironmentFailed) as caught:
        Environments(root, pythons=only((3, 11))).resolve(spec, silent)
    error = caught.value
    assert error.message.startswith('uv could not resolve environment "e": ')
    assert says in error.message
    assert "\n" not in error.message
    assert error.hint is not None
    assert hint in error.hint
    assert error.hint.endswith("Full log: azureml-logs/20_image_build_log.txt")


BUILDER = """
import sys
from pathlib import Path
from amlet.domain.environment import EnvironmentSpec
from amlet.environments import Environments

def log(line):
    print(line, flush=True)
    if sys.argv[2] == "stop" and line.startswith("Building"):
        sys.stdin.read()

environments = Environments(Path(sys.argv[1]))
lock = environments.resolve(EnvironmentSpec("threads", pip=["joblib"]), log)
print(environments.build(lock, log).python)
"""
SMALL = EnvironmentSpec("threads", pip=["joblib"])


def builder(root: Path, how: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", BUILDER, str(root), how]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_threads_and_processes_that_ask_at_once_build_once(root) -> None:
    environments = Environments(root)
    lock = environments.resolve(SMALL, silent)
    others = [builder(root, "go") for _ in range(2)]
    lines: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        builds = list(pool.map(lambda _: environments.build(lock, lines.append), range(8)))
    for other in others:
        written, _ = other.communicate(timeout=60)
        assert other.returncode == 0
        lines += written.splitlines()
        assert lines[-1] == str(builds[0].python)
    assert len(set(builds)) == 1
    assert sum(line.startswith("Building for Python") for line in lines) == 1
    assert output_of(builds[0].python, "import joblib; print(1)") == "1"


def test_a_build_that_was_killed_in_the_middle_is_never_seen_and_is_made_again(root) -> None:
    with builder(root, "stop") as killed:
        assert killed.stdout is not None
        too_late = threading.Timer(60, killed.kill)
        too_late.start()
        try:
            assert any(line.startswith("Building") for line in killed.stdout)
            assert leftovers(root)
            environments = Environments(root)
            lock = environments.resolve(SMALL, silent)
            assert environments.find(lock) is None
        finally:
            too_late.cancel()
            killed.kill()
    assert environments.find(lock) is None
    build = environments.build(lock, silent)
    assert not leftovers(root)
    assert output_of(build.python, "import joblib; print(1)") == "1"


def test_a_build_without_its_marker_or_interpreter_is_made_again(root) -> None:
    environments = Environments(root)
    lock = environments.resolve(SMALL, silent)
    build = environments.build(lock, silent)
    for part in (build.path / MARKER, build.python):
        part.unlink()
        assert environments.find(lock) is None
        assert environments.build(lock, silent) == build
        assert output_of(build.python, "import joblib; print(1)") == "1"


def test_a_full_disk_is_told_with_its_path_and_leaves_nothing(tmp_path) -> None:
    small = tmp_path / "small disk"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        environments = Environments(small)
        lock = environments.resolve(EnvironmentSpec("big", pip=["numpy"]), silent)
        with pytest.raises(StorageFailed, match=f"Cannot write {small}.*No space left"):
            environments.build(lock, silent)
        assert environments.find(lock) is None
        assert not leftovers(small)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_lock_for_a_python_or_platform_that_is_not_here_is_not_built(root) -> None:
    lock = Environments(root).resolve(EMPTY, silent)
    for foreign, says in ((lock._replace(python="3.7"), "Python 3.7"), (lock._replace(platform="win-x"), "win-x")):
        with pytest.raises(EnvironmentFailed, match=says):
            Environments(root).build(foreign, silent)
    assert not leftovers(root)


def test_a_file_that_differs_from_the_locked_one_is_refused(root) -> None:
    environments = Environments(root)
    lock = environments.resolve(SMALL, silent)
    forged = lock._replace(requirements=re.sub(r"sha256:\w+", "sha256:" + "0" * 64, lock.requirements))
    with pytest.raises(EnvironmentFailed, match="is not the one that was locked"):
        environments.build(forged, silent)
    assert not leftovers(root)


def test_a_user_managed_environment_is_the_interpreter_itself(root) -> None:
    environments = Environments(root)
    lock = environments.resolve(EnvironmentSpec("mine", user_managed=True, interpreter=sys.executable), silent)
    assert lock.interpreter == sys.executable
    assert lock.packages == []
    build = environments.build(lock, silent)
    assert build == environments.find(lock)
    assert build.python == Path(sys.executable)
    assert not root.exists()


@pytest.mark.parametrize(
    ("interpreter", "says"),
    [("/no/such/python", "no interpreter '/no/such/python'"), ("/bin/ls", "/bin/ls does not run as a Python")],
)
def test_an_interpreter_that_does_not_run_is_told(root, interpreter, says) -> None:
    with pytest.raises(EnvironmentFailed, match=says):
        Environments(root).resolve(EnvironmentSpec("mine", user_managed=True, interpreter=interpreter), silent)


@pytest.mark.parametrize("minor", [(3, 8), (3, 11)])
def test_the_overlay_of_a_python_holds_httptools_and_is_made_once(root, minor) -> None:
    (python,) = only(minor)
    environments = Environments(root)
    lines: list[str] = []
    folder = environments.overlay(python, lines.append)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import httptools; print(httptools.__file__)"
    assert output_of(python, code).startswith(str(folder))
    before = list(lines)
    assert environments.overlay(python, lines.append) == folder
    assert lines == before


def wheel(folder: Path, name: str, version: str, requires: str = "") -> Path:
    """A wheel of one module, made here."""
    stem = f"{name}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def test_an_azureml_distribution_that_a_package_depends_on_is_left_out_too(root, tmp_path) -> None:
    wheel(tmp_path, "amletneedy", "1.0", "azureml-core")
    environments = Environments(root)
    spec = EnvironmentSpec("needy", pip=[f"--find-links {tmp_path}", "amletneedy"])
    lock = environments.resolve(spec, silent)
    assert [package.name for package in lock.packages] == ["amletneedy"]
    build = environments.build(lock, silent)
    assert output_of(build.python, "import amletneedy; print(amletneedy.version)") == "1.0"


def test_the_date_is_lifted_for_a_package_whose_index_tells_no_dates(root, tmp_path) -> None:
    list_in_index(tmp_path / "index", "amletdateless", wheel(tmp_path, "amletdateless", "2.0"))
    with index(tmp_path / "index") as address:
        pip = [f"--extra-index-url http://{address}", "amletdateless", "numpy"]
        spec = EnvironmentSpec("dateless", python="3.8", pip=pip)
        lock = Environments(root, pythons=only((3, 8))).resolve(spec, silent)
    assert (lock.version_of("amletdateless"), lock.version_of("numpy")) == ("2.0", "1.19.2")


def test_strict_refuses_to_lift_the_date_for_a_younger_pin(root) -> None:
    spec = EnvironmentSpec("young", python="3.8", conda=["scikit-learn=1.0"], strict=True)
    with pytest.raises(EnvironmentFailed, match=r"is strict.*the date is lifted for scikit-learn"):
        Environments(root, pythons=only((3, 8))).resolve(spec, silent)
