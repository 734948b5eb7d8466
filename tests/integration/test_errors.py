"""One tiny broken project an error message: each ends with one clear error and a hint, and leaves nothing half made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from amlet.wire.runs import RunQuery
from amlet.wire.workspaces import EnsureWorkspace
from support.scripts import run_script
from support.server import RealServer

PROJECTS = Path(__file__).parent.parent / "projects"

EXPECTED = {
    "no_config": (
        "UserErrorException",
        "We could not find config.json in {folder} or its parent folders. Looked at:",
        "or with `amlet init`",
    ),
    "config_not_json": ("BrokenConfig", "config.json is not JSON", "line 2, column 1"),
    "config_without_keys": (
        "UserErrorException",
        "resource_group, workspace_name must be there",
        "it needs the keys subscription_id, resource_group and workspace_name",
    ),
    "script_not_there": (
        "ExperimentExecutionException",  # v1-behaviours 8.7
        "script path doesn't exist. The script should be inside the project folder",
        'did you mean "train_iris.py"?',
    ),
    "yaml_unknown_key": (
        "UserErrorException",  # v1-behaviours 10.4
        "unknown dependecies key in environment specification",
        'did you mean "dependencies"?',
    ),
    "package_unknown": (
        "ActivityFailedException",
        "there is no package scikit-lern-nope",
        "check its spelling",
    ),
    "package_without_wheel": (
        "ActivityFailedException",
        "has no wheel for Python 3.11",
        "the nearest version with a wheel",
    ),
    "curated_typo": (
        "UserErrorException",
        'There is no environment "AzureML-Tutorail"',
        'did you mean "AzureML-Tutorial"?',
    ),
    "model_path_missing": (
        "ModelPathNotFoundException",  # v1-behaviours 14.3
        "Its files: outputs/model.pkl",
        'did you mean "outputs/model.pkl"?',
    ),
    "model_outside_outputs": (
        "ModelPathNotFoundException",  # v1-behaviours 0.3
        'has no file "outputs/model.joblib"',
        "write it to outputs/model.joblib",
    ),
    "model_does_not_load": (
        "WebserviceException",
        "model.pkl could not be loaded: UnpicklingError",
        "service.get_logs()",
    ),
    "script_raises": (
        "ActivityFailedException",  # v1-behaviours 2.12, 6.8
        "User program failed with ValueError: could not convert string to float: 'setosa' (train.py:2)",
        'convert(\\"setosa\\")',
    ),
    "exit_code": ("ActivityFailedException", "it ended with exit code 7", "Activity Failed:"),
}


def test_every_project_has_its_expectation():
    assert {folder.name for folder in PROJECTS.iterdir() if folder.is_dir()} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_broken_project_gets_one_clear_error_with_a_hint(name, tmp_path, shared_server: RealServer):
    folder = tmp_path / name
    shutil.copytree(PROJECTS / name, folder)

    ended = run_script(folder, "submit.py", shared_server.home.root)

    assert ended.returncode == 1
    for text in EXPECTED[name]:
        assert text.format(folder=folder) in ended.stderr, ended.stderr
    assert "never run" not in ended.stdout


def test_after_all_of_them_no_run_is_left_open(shared_server: RealServer):
    client = shared_server.client()
    workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "broken")).workspace
    runs = client.runs.list(workspace.id, RunQuery(limit=100)).runs
    assert {run.status for run in runs} == {"Completed", "Failed"}
