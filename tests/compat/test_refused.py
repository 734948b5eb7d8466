"""Names of v1's that are refused: importable, told with what to use instead, listed in docs/v1.md."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import azureml
from amlet.sdk import refused_names
from amlet.sdk.dataset import Dataset
from amlet.sdk.workspace import Workspace

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "surface_check.py"
DOCS = Path(__file__).parents[2] / "docs" / "v1.md"
NAMES = [name for name, value in vars(refused_names).items() if getattr(value, "__unsupported__", False)]
OURS = (
    "azureml.core.script_run",
    "azureml.core.script_run_config",
    "azureml.core.runconfig",
    "azureml.core.workspace",
    "azureml.core.conda_dependencies",
    "azureml.core.container_registry",
    "azureml.core.authentication",
    "azureml.core.dataset",
    "azureml.core.datastore",
    "azureml.core.environment",
    "azureml.core.keyvault",
    "azureml.core.image",
    "azureml.core.model",
    "azureml.core.profile",
    "azureml.core.webservice",
    "azureml.data",
    "azureml.exceptions",
    "azureml.telemetry",
)


@pytest.mark.skipif(not SPEC.exists(), reason="surface-spec: the facts of v1's surface are not on this machine")
@pytest.mark.parametrize("module", OURS)
def test_nothing_of_these_modules_is_missing(module: str) -> None:
    command = [sys.executable, str(SPEC), "--tier", "3", "--missing", "--module", module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # The check cuts `separator=','` in two, and takes the second half for a parameter.
    assert re.findall(r"^  tier \d  (\S+):(?! does not take '$)", done.stdout, re.MULTILINE) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_name_says_what_to_use_instead(name: str) -> None:
    from azureml.exceptions import UserErrorException

    with pytest.raises(UserErrorException, match=f"amlet does not have {name}") as caught:
        getattr(refused_names, name)(1, a=2)
    assert caught.value.hint
    assert not isinstance(object(), getattr(refused_names, name))


def test_every_refused_name_has_a_module_of_v1s() -> None:
    found = set()
    for part in pkgutil.walk_packages(azureml.__path__, "azureml."):
        module = importlib.import_module(part.name)
        found |= {name for name in dir(module) if getattr(getattr(module, name), "__unsupported__", False)}
    assert set(NAMES) <= found


def test_every_refused_name_is_in_the_documentation() -> None:
    text = DOCS.read_text("utf-8")
    members = [
        name
        for owner in (Workspace, Dataset)
        for name in dir(owner)
        if getattr(getattr(owner, name), "__unsupported__", False)
    ]
    assert [name for name in [*NAMES, *members] if f"`{name}`" not in text] == []
