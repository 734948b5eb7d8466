"""The page's workflow, from its first line to a prediction, as a v1 script that nobody changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

from support.scripts import run_script
from support.server import RealServer

PAGE = Path(__file__).parent.parent / "compat" / "page"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The page's folder: config.json, train_iris.py, conda_dependencies.yml, and the script that drives them."""
    folder = tmp_path / "a page's folder, ünïcode"
    shutil.copytree(PAGE, folder)
    return folder


def test_the_page_runs_from_its_first_line_to_a_prediction(page, fresh_server: RealServer):
    ended = run_script(page, "page.py", fresh_server.home.root)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[-1] == "{'predict': [0]}"
    for text in (  # v1-behaviours 2.14, 14.1
        "Streaming user_logs/std_log.txt",
        "Execution Summary",
        "Registering model sklearn-iris",
    ):
        assert text in lines
    assert "python=3.6.2 is past its end of life" in ended.stdout
    assert "azureml-defaults" in ended.stdout
    assert "model_framework_version='0.19.1' is not what the run trained with" in ended.stderr


def test_the_service_answers_plain_http(page, shared_server: RealServer):
    ended = run_script(page, "serve.py", shared_server.home.root)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    uri = ended.stdout.splitlines()[-1]

    asked = urllib.request.Request(uri, b'{"data": [[5.1, 3.5, 1.4, 0.2]]}', {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        ((method, rows),) = json.load(answer).items()
    assert method == "predict_proba" or method == "predict"  # v1-behaviours 15.4: SVC without probability has none
    assert len(rows) == 1
    with urllib.request.urlopen(uri.replace("/score", "/"), timeout=10) as answer:
        assert answer.read() == b"Healthy"  # v1-behaviours 15.12


@pytest.mark.parametrize("name", ["AzureML-Tutorial", "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu"])  # v1-behaviours 0.2
def test_a_curated_environment_trains_the_same_script(page, shared_server: RealServer, name: str):
    ended = run_script(page, "curated.py", shared_server.home.root, name)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("Accuracy 0.9")


def test_a_cluster_of_two_nodes_runs_it_too(page, shared_server: RealServer):
    ended = run_script(page, "cluster.py", shared_server.home.root)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "Completed Completed Completed"
    assert "Minimum number of nodes requested have been provisioned" in ended.stdout  # v1-behaviours 11.4


def test_it_runs_on_a_machine_that_has_only_python_3_11(page, tmp_path):
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True, env=_with_own_programs())
    variables = {
        "HOME": str(tmp_path / "user"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "PYENV_ROOT": str(tmp_path / "no pyenv"),
        "UV_CACHE_DIR": cache.stdout.strip(),
    }
    home = Path(tempfile.mkdtemp(prefix="amlet-"))
    server = RealServer(home / "home")
    try:
        server.start(**variables)
        ended = run_script(page, "page.py", server.home.root, **variables)
    finally:
        server.close()
        shutil.rmtree(home, ignore_errors=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "{'predict': [0]}"
    if sys.version_info[:2] == (3, 11):
        assert "Python 3.11" in ended.stdout
        assert "packages as of 2022-12-01" in ended.stdout


def _with_own_programs() -> dict[str, str]:
    """uv as this environment has it."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
