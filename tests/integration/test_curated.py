"""Curated environments: locks that come with amlet, built and used under the Pythons of this machine."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed, NotFound
from amlet.environments import Environments, curated
from amlet.environments.curated import catalogue, relock
from amlet.environments.pythons import Minor, at_hand, minor_text, own_minor
from amlet.wire.environments import EnvironmentQuery
from support.runs import workspace_id
from support.server import RealServer

MINORS: list[Minor] = [(3, number) for number in range(8, 14)]
NAMES = [name for name in curated.names() if "same_as" not in (catalogue.FOLDER / f"{name}.yml").read_text()]

TRIED_UNDER: dict[str, Minor] = {
    "amlet-lightgbm-4.6": (3, 12),
    "amlet-sklearn-1.7": (3, 13),
    "amlet-xgboost-3.2": (3, 10),
    "AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu": (3, 9),
    "AzureML-Minimal": (3, 11),
    "AzureML-Scikit-learn-0.20.3": (3, 8),
    "azureml-sklearn-1.5": (3, 11),
}
"""Tried by default: every Python, every framework, the oldest and the newest; all are by `make curated`."""

FIT = """
import warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
X, y = load_iris(return_X_y=True)
models = [SVC(gamma="scale"), LogisticRegression(max_iter=1000)]
if {lightgbm}:
    from lightgbm import LGBMClassifier
    models.append(LGBMClassifier(n_estimators=10, min_child_samples=5))
if {xgboost}:
    from xgboost import XGBClassifier
    models.append(XGBClassifier(n_estimators=10))
if {pandas}:
    import pandas
    X = pandas.DataFrame(X, columns=list("abcd"))
print(all(model.fit(X, y).score(X, y) > 0.9 for model in models))
"""


def silent(line: str) -> None:
    """A log that nobody reads."""


def only(minor: Minor) -> list[Path]:
    found = [python.path for python in at_hand() if python.minor == minor]
    if not found:
        pytest.skip(f"no Python {minor_text(minor)} on this machine")
    return found


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that cannot be reached: whoever asks it fails."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


def fits_a_model(folder: Path, name: str, minor: Minor) -> None:
    """Build the name under a Python and let it learn iris."""
    spec = curated.find(name)
    assert spec is not None
    environments = Environments(folder, pythons=only(minor))
    lock = environments.resolve(spec, silent)
    assert lock.python == minor_text(minor)
    build = environments.build(lock, silent)
    packages = {package.name for package in lock.packages}
    if "scikit-learn" not in packages:
        assert not packages
        subprocess.run([str(build.python), "-c", "import json, ssl, sqlite3"], check=True)
        return
    wanted = {"lightgbm": "lightgbm" in packages, "pandas": "pandas" in packages}
    code = FIT.format(xgboost=bool(packages & {"xgboost", "xgboost-cpu"}), **wanted)
    done = subprocess.run([str(build.python), "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["True"]), done.stderr


@pytest.mark.parametrize("name", TRIED_UNDER)
def test_names_fit_a_model_and_all_pythons_take_part(tmp_path, name) -> None:
    there = {python.minor for python in at_hand()}
    minor = TRIED_UNDER[name]
    fits_a_model(tmp_path, name, minor if minor in there else own_minor())


def test_names_are_tried_under_every_python() -> None:
    assert set(TRIED_UNDER) <= set(NAMES)
    assert set(TRIED_UNDER.values()) == set(MINORS)


@pytest.mark.every_fault
@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("name", NAMES)
def test_every_name_fits_a_model_under_every_python(tmp_path, name, minor) -> None:
    fits_a_model(tmp_path, name, minor)


def test_a_curated_name_is_resolved_without_a_network_within_ten_milliseconds(tmp_path, no_index) -> None:
    environments = Environments(tmp_path)
    spec = curated.find("azureml-sklearn-1.5")
    assert spec is not None
    lines: list[str] = []
    lock = environments.resolve(spec, lines.append)
    assert f"Its lock for Python {lock.python} comes with amlet: no index is asked." in lines
    took = []
    for _ in range(20):
        began = time.perf_counter()
        assert environments.resolve(spec, silent) == lock
        took.append(time.perf_counter() - began)
    assert min(took) < 0.010


def test_an_edited_curated_environment_asks_the_index(tmp_path, no_index) -> None:  # v1-behaviours 10.14
    spec = curated.find("azureml-sklearn-1.5")
    assert spec is not None
    with pytest.raises(EnvironmentFailed, match="cannot be reached"):
        Environments(tmp_path).resolve(spec._replace(conda=[*spec.conda, "seaborn"]), silent)


@pytest.mark.parametrize(("minor", "lost"), [((3, 11), False), ((3, 12), True), ((3, 13), True)])
def test_where_the_seed_notebooks_names_of_numpy_are_gone_it_is_said(tmp_path, no_index, minor, lost) -> None:
    spec = curated.find("azureml-sklearn-1.5")
    assert spec is not None
    lines: list[str] = []
    lock = Environments(tmp_path, pythons=only(minor)).resolve(spec, lines.append)
    version = lock.version_of("numpy")
    assert version is not None
    assert any("np.float" in note for note in lock.notes) == lost  # v1-behaviours 0.1
    assert any("np.float" in line for line in lines) == lost
    assert version.startswith("1.23.") == (not lost)


@pytest.mark.parametrize(("minor", "as_of"), [((3, 12), "2024-02-15"), ((3, 13), "2024-12-15")])
def test_a_name_of_an_old_python_works_where_only_newer_ones_are(tmp_path, no_index, minor, as_of) -> None:
    spec = curated.find("AzureML-Tutorial")
    assert spec is not None
    lock = Environments(tmp_path, pythons=only(minor)).resolve(spec, silent)
    assert (lock.python, lock.as_of) == (minor_text(minor), as_of)
    assert any("stands in" in note for note in lock.notes)
    assert any("np.float" in note for note in lock.notes)


def test_strict_refuses_what_a_curated_lock_had_to_relax(tmp_path, no_index) -> None:
    spec, ours = curated.find("azureml-sklearn-1.5"), curated.find("amlet-sklearn-1.7")
    assert spec is not None
    assert ours is not None
    strict = spec._replace(strict=True)
    assert Environments(tmp_path, pythons=only((3, 10))).resolve(strict, silent).python == "3.10"
    with pytest.raises(EnvironmentFailed, match=r"is strict.*python=3\.10 is not at hand"):
        Environments(tmp_path, pythons=only((3, 13))).resolve(strict, silent)
    with pytest.raises(EnvironmentFailed, match=r"is strict.*scikit-learn=1\.7: no wheel for Python 3\.8"):
        Environments(tmp_path, pythons=only((3, 8)), strict=True).resolve(ours, silent)


@pytest.mark.parametrize("name", ["azureml-sklearn-1.5", "AzureML-Tutorial"])
def test_a_lock_that_is_made_anew_can_be_built_everywhere_that_it_says(name) -> None:
    spec = curated.find(name)
    assert spec is not None
    (python,) = [held for held in at_hand() if held.minor == own_minor()]
    lock = relock.make(spec, python)
    assert "linux-x86_64" in lock.platforms
    kept = curated.locked(spec, minor_text(own_minor()), "linux-x86_64")
    assert kept is not None
    # Both are as of a day: what an index has had since then changes nothing.
    assert [line.split(" ")[0] for line in lock.requirements.splitlines()] == [
        line.split(" ")[0] for line in kept.requirements.splitlines()
    ]


def test_a_framework_that_is_not_carried_is_told_by_the_server_with_what_to_use(shared_server: RealServer) -> None:
    client = shared_server.client()
    name = "AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu"  # v1-behaviours 10.16
    with pytest.raises(NotFound, match="is not carried") as caught:
        client.environments.get(workspace_id(client), name, EnvironmentQuery())
    assert "Environment.from_pip_requirements" in str(caught.value.hint)
