"""The catalogue of curated environments, and the locks that come with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from amlet.base.errors import NotFound
from amlet.base.names import ENVIRONMENT
from amlet.domain.environment import EnvironmentSpec, Package
from amlet.environments import curated
from amlet.environments.curated import catalogue, locks
from amlet.environments.pythons import minor_text
from amlet.environments.requirements import Requirement, read

FACTS = [  # v1-behaviours 0.2, 10.16
    "azureml-sklearn-1.5",
    "AzureML-Tutorial",
    "AzureML-Minimal",
    "AzureML-Scikit-learn-0.20.3",
    "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
    "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
    "AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu",
]
ALIASES = {
    "AzureML-sklearn-0.24-ubuntu18.04-py37-cuda11-gpu": "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
    "AzureML-sklearn-0.24.1-ubuntu18.04-py37-cpu-inference": "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
    "AzureML-Scikit-learn0.24-Cuda11-OpenMpi4.1.0-py36": "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
    "AzureML-minimal-ubuntu18.04-py37-cpu-inference": "AzureML-Minimal",
    "AzureML-Minimal-Inference-CPU": "AzureML-Minimal",
    "sklearn-1.5": "azureml-sklearn-1.5",
}
MINORS = [(3, number) for number in range(8, 14)]
LOCKS = sorted(catalogue.FOLDER.glob("locks/*/*.txt"))
LINE = re.compile(r"[a-z0-9][a-z0-9.\-]*==[0-9][^\s]*( --hash=sha256:[0-9a-f]{64})+")


@pytest.mark.parametrize("name", FACTS)
def test_every_name_that_the_page_and_its_kin_use_is_there(name) -> None:
    spec = curated.find(name)
    assert spec is not None
    assert spec.name == name
    assert spec.python
    assert curated.find(name.upper()) == spec


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_what_it_stands_for_under_its_own_name(alias) -> None:
    spec, meant = curated.find(alias), curated.find(ALIASES[alias])
    assert meant is not None
    assert spec == meant._replace(name=alias)
    assert spec is not None
    assert curated.locked(spec, "3.11", "linux-x86_64") == curated.locked(meant, "3.11", "linux-x86_64")


def test_our_own_names_take_the_python_that_runs_amlet() -> None:
    ours = [name for name in curated.names() if name.startswith("amlet-")]
    assert ours == ["amlet-lightgbm-4.6", "amlet-sklearn-1.7", "amlet-xgboost-3.2"]
    specs = [curated.find(name) for name in ours]
    assert all(spec is not None and spec.python is None for spec in specs)


@pytest.mark.parametrize(
    ("name", "instead"),
    [  # v1-behaviours 10.16
        ("AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu", "from_conda_specification"),
        ("AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu", "from_conda_specification"),
        ("AzureML-AutoML", "from_conda_specification"),
        ("AzureML-AutoML-DNN-GPU", "from_conda_specification"),
        ("AzureML-XGBoost-0.9-Inference-CPU", 'Environment.get(ws, "amlet-xgboost-3.2")'),
    ],
)
def test_a_framework_that_we_do_not_carry_is_refused_by_name_with_what_to_use_instead(name, instead) -> None:
    assert curated.find(name) is None
    with pytest.raises(NotFound, match=f'"{re.escape(name)}" is not carried') as caught:
        curated.get(name)
    assert caught.value.hint is not None
    assert instead in caught.value.hint


def test_a_name_that_is_nobodys_is_just_not_found() -> None:
    assert curated.get("../curated/AzureML-Minimal") is None
    assert curated.get("my-env") is None


def test_every_file_of_the_catalogue_is_a_spec_that_can_be_read() -> None:
    for name in curated.names():
        spec = curated.find(name)
        assert spec is not None
        assert ENVIRONMENT.allows(name)
        read(spec)


def test_an_edited_curated_environment_is_the_users_own() -> None:  # v1-behaviours 10.14
    spec = curated.find("AzureML-Tutorial")
    assert spec is not None
    assert curated.is_curated(spec._replace(variables={"A": "1"}, version="3"))
    for edited in (
        spec._replace(conda=[*spec.conda, "xgboost"]),
        spec._replace(name="mine"),
        spec._replace(python="3.9"),
    ):
        assert not curated.is_curated(edited)
        assert curated.locked(edited, "3.11", "linux-x86_64") is None
        assert curated.day_of(edited) is None


@pytest.mark.parametrize("name", [name for name in curated.names() if name not in ALIASES])
def test_every_name_has_a_lock_for_every_python_on_the_usual_platform(name) -> None:
    folder = catalogue.lock_folder(name)
    assert folder is not None
    for minor in MINORS:
        assert "linux-x86_64" in locks.read(folder / f"{minor_text(minor)}.txt").platforms


def test_there_is_no_lock_without_a_name() -> None:
    wanted = {str(catalogue.lock_folder(name)) for name in curated.names()}
    assert {str(path.parent) for path in LOCKS} == wanted
    assert len(LOCKS) == len(wanted) * len(MINORS)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_line_of_a_lock_is_an_exact_version_with_hashes(path) -> None:
    lock = locks.read(path)
    lines = lock.requirements.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert len({line.split("==")[0] for line in lines}) == len(lines)
    assert not re.search(r"://|azureml", path.read_text("utf-8").split("\n", 1)[1])


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_lock_has_what_its_name_promises_or_says_what_is_nearest(path) -> None:
    spec = curated.find(path.parent.name)
    assert spec is not None
    lock = locks.read(path)
    locked = dict(line.split(" ")[0].split("==") for line in lock.requirements.splitlines())
    for held in read(spec).requirements:
        assert held.name in locked
        if held.specifier and not _fits(held, locked[held.name]):
            says = [note for note in lock.notes if note.startswith(f"{held.line}: no wheel for Python {path.stem}")]
            assert any(locked[held.name] in note for note in says)


def _fits(held: Requirement, version: str) -> bool:
    if held.specifier.startswith("<"):
        bound = [int(part) for part in held.specifier[1:].split(".")]
        return [int(part) for part in version.split(".")[: len(bound)]] < bound
    wanted = held.specifier.lstrip("=").removesuffix(".*")
    return version == wanted or version.startswith(f"{wanted}.")


def test_the_locks_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in LOCKS) < 1_000_000


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = curated.CuratedLock(["linux-x86_64", "p"], "2020-10-15", ["numpy=1: 2", "b"], "numpy==2 --hash=sha256:ab\n")
    (tmp_path / "3.8.txt").write_text(made.text("a title"), encoding="utf-8")
    assert locks.read(tmp_path / "3.8.txt") == made


def test_a_platform_or_python_without_a_lock_is_left_to_uv() -> None:
    spec = curated.find("AzureML-Tutorial")
    assert spec is not None
    assert curated.locked(spec, "3.11", "linux-riscv64") is None
    assert curated.locked(spec, "3.14", "linux-x86_64") is None


@pytest.mark.parametrize(
    ("name", "numpy", "warns"),
    [  # v1-behaviours 0.1
        ("azureml-sklearn-1.5", "2.1.0", True),
        ("azureml-sklearn-1.5", "1.23.5", False),
        ("AzureML-Tutorial", "1.26.4", True),
        ("amlet-sklearn-1.7", "2.1.0", False),
    ],
)
def test_what_a_script_of_its_day_will_miss_is_said(name, numpy, warns) -> None:
    spec = curated.find(name)
    assert spec is not None
    said = curated.cautions(spec, [Package("numpy", numpy)])
    assert bool(said) == warns
    assert all("np.float" in text and numpy in text for text in said)
    assert not curated.cautions(EnvironmentSpec("mine", python="3.8"), [Package("numpy", numpy)])
