"""Inference configurations: v1's checks, both forms of the environment, and what goes along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.inference_config import InferenceConfig

SCRIPT = "def init(): pass\ndef run(data): return data\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "it's a source é"
    made.mkdir()
    (made / "score.py").write_text(SCRIPT)
    (made / "env.yml").write_text("dependencies:\n  - python=3.8\n  - pip:\n    - scikit-learn==1.0\n")
    return made


def test_an_entry_script_is_needed() -> None:
    with pytest.raises(WebserviceException, match="needs an entry_script"):  # v1-behaviours 15.8
        InferenceConfig(entry_script="")


def test_an_environment_goes_without_the_older_form(folder: Path) -> None:
    with pytest.raises(WebserviceException, match="older form's runtime, conda_file"):  # v1-behaviours 15.8
        InferenceConfig(folder / "score.py", "python", folder / "env.yml", environment=Environment("e"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"entry_script": "gone.py"}, "entry_script: there is no file .*gone.py"),
        ({"entry_script": "env.yml"}, "entry_script must be a .py file, not env.yml"),
        ({"entry_script": "../outside.py"}, "entry_script ../outside.py must lie in source_directory"),
        ({"source_directory": "gone"}, "source_directory: there is no folder"),
        ({"runtime": "spark-py"}, "runtime spark-py is not in amlet"),
        ({"runtime": "r"}, "runtime must be one of python, python-slim"),
        ({"conda_file": "gone.yml"}, "conda_file: there is no file"),
        ({"extra_docker_file_steps": "gone"}, "extra_docker_file_steps: there is no file"),
        ({"environment": "AzureML-Minimal"}, "environment must be an Environment, not str"),
    ],
)
def test_faults(folder: Path, settings: dict[str, Any], told: str) -> None:
    (folder.parent / "outside.py").write_text(SCRIPT)
    with pytest.raises(WebserviceException, match=told):  # v1-behaviours 15.8
        InferenceConfig(**{"entry_script": "score.py", "source_directory": folder, **settings})


def test_the_older_form_is_an_environment_too(folder: Path) -> None:
    config = InferenceConfig(
        "score.py", runtime="python", conda_file="env.yml", source_directory=str(folder), base_image="my/image:1"
    )
    made = config._service_environment()
    assert made is not None
    spec = made._to_spec()
    assert (spec.python, spec.pip, spec.container and spec.container.image) == (
        "3.8",
        ["scikit-learn==1.0"],
        "my/image:1",
    )


def test_without_either_the_models_own_environment_serves(folder: Path) -> None:
    assert InferenceConfig(folder / "score.py", runtime="python")._service_environment() is None


def test_what_has_no_effect_is_named(folder: Path) -> None:
    with pytest.warns(UserWarning, match="no effect here: enable_gpu, cuda_version"):
        InferenceConfig(folder / "score.py", enable_gpu=True, cuda_version="10.1")


def test_the_folder_goes_along_but_for_what_it_ignores(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "more.py").write_text("")
    (folder / "secret.txt").write_text("")
    (folder / ".amlignore").write_text("*.txt\n")
    found = InferenceConfig("score.py", source_directory=folder)._collect()
    assert found.script == "score.py"
    assert {entry.path for entry in found.entries} >= {"score.py", "below/more.py", "env.yml"}
    assert "secret.txt" not in {entry.path for entry in found.entries}
    assert {entry.sha256 for entry in found.entries} <= set(found.sources)


def test_a_script_that_the_folder_ignores_is_told(folder: Path) -> None:
    (folder / ".amlignore").write_text("score.py\n")
    with pytest.raises(WebserviceException, match=r"score\.py is left out by the ignore rules"):
        InferenceConfig("score.py", source_directory=folder)._collect()


def test_without_a_folder_the_script_goes_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    found = InferenceConfig(f"{folder.name}/score.py")._collect()
    assert (found.script, [entry.path for entry in found.entries]) == ("score.py", ["score.py"])


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("def run(data): pass", r"has no init\(\)"),
        ("x = 1", r"has no init\(\) and no run\(\)"),
        ("def outer():\n    def init(): pass\n    def run(): pass", r"no init\(\) and no run\(\)"),
    ],
)
def test_a_script_without_its_functions_is_told(folder: Path, script: str, told: str) -> None:
    (folder / "score.py").write_text(script)
    with pytest.raises(WebserviceException, match=told):  # v1-behaviours 15.9
        InferenceConfig("score.py", source_directory=folder).validation_script_content()


@pytest.mark.parametrize(
    "script",
    [
        SCRIPT,
        "from beside import init, answer as run",
        "from beside import *",
        "if True:\n    def init(): pass\nelse:\n    init = None\nrun = lambda data: data",
        "async def init(): pass\nclass run: pass",
        "match x:\n  case (1, *rest",
    ],
)
def test_a_script_may_have_them_from_anywhere(folder: Path, script: str) -> None:
    (folder / "score.py").write_text(script)
    InferenceConfig("score.py", source_directory=folder).validation_script_content()
