"""The `azureml` namespace: what v1's scripts import is there, and costs little."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "surface_check.py"


@pytest.mark.skipif(not SPEC.exists(), reason="surface-spec: the facts of v1's surface are not on this machine")
def test_nothing_of_tier_1_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, str(SPEC), "--tier", "1", "--missing"], capture_output=True, text=True, check=False
    )
    assert re.findall(r"^  tier 1  (\S+):", done.stdout, re.MULTILINE) == []
    assert re.search(r"tier 1: \d+ of \d+ present, 0 refused", done.stdout)


@pytest.mark.skipif(not SPEC.exists(), reason="surface-spec: the facts of v1's surface are not on this machine")
@pytest.mark.parametrize(
    "module",
    [
        *(
            f"azureml.core.{name}"
            for name in ("compute", "experiment", "run", "runconfig", "script_run", "script_run_config", "workspace")
        ),
        *(f"azureml.train.{name}" for name in ("hyperdrive", "estimator", "sklearn", "dnn")),
        *(f"azureml.contrib.services.{name}" for name in ("aml_request", "aml_response")),
        "azureml.widgets",
    ],
)
def test_every_name_of_a_finished_module_is_there_or_refused_by_name(module: str) -> None:
    asked = [sys.executable, str(SPEC), "--missing", "--module", module]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "path",
    [
        "azureml.core:Workspace",
        "azureml.core:Experiment",
        "azureml.core:Environment",
        "azureml.core:ScriptRunConfig",
        "azureml.core:Model",
        "azureml.core:Run",
        "azureml.core:RunConfiguration",
        "azureml.core:Webservice",
        "azureml.core:ComputeTarget",
        "azureml.core.run:Run",
        "azureml.core.workspace:Workspace",
        "azureml.core.experiment:Experiment",
        "azureml.core.model:Model",
        "azureml.core.environment:CondaDependencies",
        "azureml.core.conda_dependencies:CondaDependencies",
        "azureml.core.runconfig:RunConfiguration",
        "azureml.core.runconfig:DockerConfiguration",
        "azureml.core.runconfig:DEFAULT_CPU_IMAGE",
        "azureml.core.runconfig:ContainerRegistry",
        "azureml.core.container_registry:ContainerRegistry",
        "azureml.core.environment:DockerSection",
        "azureml.core:ContainerRegistry",
        "azureml.core.script_run_config:ScriptRunConfig",
        "azureml.core.compute:ComputeTarget",
        "azureml.core.compute:AmlCompute",
        "azureml.core.compute.amlcompute:AmlCompute",
        "azureml.core.compute.aks:AksCompute",
        "azureml.core.compute:ComputeInstance",
        "azureml.core.compute:RemoteCompute",
        "azureml.core.compute_target:ComputeTargetException",
        "azureml.core.compute_target:LocalTarget",
        "azureml.core.resource_configuration:ResourceConfiguration",
        "azureml.core.webservice:Webservice",
        "azureml.exceptions:UserErrorException",
        "azureml.exceptions:ActivityFailedException",
        "azureml.exceptions._azureml_exception:ComputeTargetException",
        "azureml._common.exceptions:AzureMLException",
        "azureml.telemetry:set_diagnostics_collection",
    ],
)
def test_the_import_paths_of_v1s_scripts_work(path: str) -> None:
    module, name = path.split(":")
    assert hasattr(importlib.import_module(module), name)  # v1-behaviours 0.6


def test_the_names_are_those_of_the_sdk_itself() -> None:
    import amlet.sdk.run
    import azureml.core
    import azureml.core.run

    assert azureml.core.Run is azureml.core.run.Run is amlet.sdk.run.Run
    assert azureml.core.VERSION
    with pytest.raises(AttributeError):
        azureml.core.Nothing  # noqa: B018


def test_importing_loads_nothing_that_is_used_later() -> None:
    code = (
        "import sys; from azureml.core import Workspace, Experiment, Run, Environment, ScriptRunConfig, Model; "
        "late = ('http.client', 'yaml', 'uuid', 'ssl', 'subprocess', 'asyncio', 'email'); "
        "print([n for n in late if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_microsofts_package_in_the_same_folder_is_told_with_the_cure(tmp_path: Path) -> None:
    from amlet.sdk.beside_microsoft import tell_once

    (tmp_path / "azureml" / "_restclient").mkdir(parents=True)
    code = f"from amlet.sdk.beside_microsoft import tell_once; tell_once([{str(tmp_path / 'azureml')!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip uninstall" in done.stderr and "azureml-core" in done.stderr
    tell_once([str(tmp_path)])


def test_other_distributions_of_azureml_can_lie_elsewhere_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "azureml").mkdir()
    (tmp_path / "azureml" / "__init__.py").write_text(
        "__path__ = __import__('pkgutil').extend_path(__path__, __name__)"
    )
    (tmp_path / "azureml" / "elsewhere.py").write_text("VALUE = 3")
    code = f"import sys; sys.path.append({str(tmp_path)!r}); from azureml.elsewhere import VALUE; print(VALUE)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
