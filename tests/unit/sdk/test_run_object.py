"""Runs as users hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import NotFound
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import COMPLETED, RunError
from amlet.sdk.exceptions import (
    ModelPathNotFoundException,
    RunEnvironmentException,
    UserErrorException,
    WebserviceException,
)
from amlet.sdk.experiment import Experiment
from amlet.sdk.model import Model
from amlet.sdk.resource_configuration import ResourceConfiguration
from amlet.sdk.run import Run
from amlet.sdk.run_definition import run_definition
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.workspace import Workspace


@pytest.fixture
def run(experiment: Experiment, make_run: Any) -> Run:
    return Run(experiment, make_run().id)


def test_details_have_v1s_keys(run: Run, held: Any, make_run: Any) -> None:
    definition = run_definition(RunConfiguration(), script="train.py", command="", arguments=["--C", "1.0"])
    held.client.runs.job = Job(EnvironmentSpec("x", "Autosave_1"), "tree", "train.py", definition=definition)
    over = make_run(status=COMPLETED, ended=make_run().created, error=RunError("UserError", "m", "T", "S"))
    held.client.runs.story = [(over, {"user_logs/std_log.txt": b"", "outputs/m": b""})]
    details = run.get_details()
    for key in [
        "runId",
        "target",
        "status",
        "startTimeUtc",
        "endTimeUtc",
        "services",
        "error",
        "warnings",
        "properties",
        "inputDatasets",
        "outputDatasets",
        "runDefinition",
        "logFiles",
        "submittedBy",
    ]:
        assert key in details  # v1-behaviours 3.1
    assert details["startTimeUtc"].endswith("Z")
    assert list(details["logFiles"]) == ["user_logs/std_log.txt"]
    assert details["error"]["code"] == "UserError"  # v1-behaviours 6.8
    assert details["runDefinition"]["arguments"] == ["--C", "1.0"]
    assert details["runDefinition"]["environment"]["version"] == "Autosave_1"
    for key in [
        "script",
        "command",
        "useAbsolutePath",
        "arguments",
        "sourceDirectoryDataStore",
        "framework",
        "communicator",
        "target",
        "dataReferences",
        "data",
        "outputData",
        "datacaches",
        "jobName",
        "maxRunDurationSeconds",
        "nodeCount",
        "priority",
        "credentialPassthrough",
        "identity",
        "environment",
        "history",
        "spark",
        "parallelTask",
        "amlCompute",
        "aiSuperComputer",
        "tensorflow",
        "mpi",
        "pyTorch",
        "hdi",
        "containerInstance",
        "exposedPorts",
        "docker",
        "commandReturnCodeConfig",
        "environmentVariables",
        "applicationEndpoints",
    ]:
        assert key in details["runDefinition"]  # v1-behaviours 3.2


def test_a_running_run_has_no_end(run: Run) -> None:
    assert "endTimeUtc" not in run.get_details()


def test_str_has_v1s_form(run: Run) -> None:
    assert str(run) == f"Run(Experiment: iris,\nId: {run.id},\nType: azureml.scriptrun,\nStatus: Running)"


def test_a_terminal_status_is_not_asked_for_again(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(status=COMPLETED), {})]
    assert run.get_status() == COMPLETED
    held.client.runs.story = [(make_run(), {})]
    assert run.get_status() == COMPLETED  # v1-behaviours 2.6


def test_an_unknown_run_is_a_user_error(experiment: Experiment, workspace: Workspace) -> None:
    for ask in (lambda: Run(experiment, "nothing"), lambda: workspace.get_run("nothing")):
        with pytest.raises(UserErrorException, match="no run nothing"):
            ask()


def test_metrics_are_given_by_name_and_by_run(run: Run, held: Any) -> None:
    held.client.runs.values = {"Accuracy": 0.97, "loss": [3, 2]}
    assert run.get_metrics() == {"Accuracy": 0.97, "loss": [3, 2]}
    assert run.get_metrics("Accuracy") == {"Accuracy": 0.97} and run.get_metrics(name="no") == {}
    assert run.get_metrics(recursive=True) == {run.id: {"Accuracy": 0.97, "loss": [3, 2]}}


def test_a_process_that_only_looks_at_a_run_can_log_to_it(run: Run, held: Any) -> None:
    run.log("x", 1)
    run.flush()
    (journal,) = held.client.runs.drained.values()
    assert b'"n":"x"' in journal


def test_nothing_can_be_logged_to_a_run_that_is_over(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(id="over_1", status=COMPLETED), {})]
    over = Run(run.experiment, "over_1")
    with pytest.raises(RunEnvironmentException, match="over_1 is Completed"):
        over.log("x", 1)


def test_a_submitted_run_is_not_ended_from_outside(run: Run) -> None:
    for end in (run.complete, run.fail):
        with pytest.raises(UserErrorException, match="ends with its script"):
            end()


def test_files_are_listed_sorted(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(), {"user_logs/std_log.txt": b"", "outputs/a": b""})]
    assert run.get_file_names() == ["outputs/a", "user_logs/std_log.txt"]


def test_registering_tells_the_name_and_sends_all(run: Run, held: Any, capsys: Any) -> None:
    held.client.models.notes = ["services run on scikit-learn 0.23.2."]
    model = run.register_model(
        model_name="sklearn-iris",
        model_path="outputs/model.joblib",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="0.19.1",
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    )
    printed = capsys.readouterr()
    assert printed.out == "Registering model sklearn-iris\n"  # v1-behaviours 14.1
    assert "services run on scikit-learn 0.23.2." in printed.err
    (asked,) = held.client.models.asked
    assert (asked.path, asked.run_id, asked.resources.memory_gb) == ("outputs/model.joblib", run.id, 0.5)
    assert (model.id, model.version, model.run_id) == ("sklearn-iris:1", 1, run.id)


def test_the_path_of_a_model_is_its_name_by_default(run: Run, held: Any) -> None:
    run.register_model("outputs")
    assert held.client.models.asked[0].path == "outputs"  # v1-behaviours 14.3


def test_a_path_that_the_run_has_not_is_told_with_its_files(run: Run, held: Any) -> None:
    held.client.models.refusal = NotFound("Its files: user_logs/std_log.txt.", hint="write it to outputs/model.joblib.")
    with pytest.raises(ModelPathNotFoundException, match="std_log") as caught:
        run.register_model("m", "outputs/model.joblib")
    assert caught.value.hint == "write it to outputs/model.joblib."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model_name": "bad name"}, "cannot be the name"),
        ({"model_name": "m", "model_framework_version": "1"}, "without a model_framework"),
        ({"model_name": "m", "model_framework": "sklearn"}, "is none of"),
        ({"model_name": "m", "resource_configuration": ResourceConfiguration(cpu=0)}, "cpu must be"),
    ],
)
def test_a_bad_registration_is_told_before_anything_is_sent(run: Run, arguments: Any, told: str) -> None:
    with pytest.raises(WebserviceException, match=told):
        run.register_model(**arguments)


def test_the_page_and_the_html_name_the_run(run: Run) -> None:
    assert run.get_portal_url().endswith(f"/w/ws_1/e/iris/r/{run.id}")
    assert run.id in run._repr_html_() and "<th>Details Page</th>" in run._repr_html_()


def test_runs_of_an_experiment_are_filtered_by_tags(experiment: Experiment, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(tags={"a": "1"}), {})]
    assert len(list(experiment.get_runs(tags="a"))) == 1  # v1-behaviours 2.9
    assert len(list(experiment.get_runs(tags={"a": "1"}))) == 1
    assert list(experiment.get_runs(tags={"a": "2"})) == []


def test_an_experiments_name_is_checked(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="cannot be the name of an experiment"):
        Experiment(workspace, "two words")


def test_cancel_and_detailed_status_tell_the_record(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(status="Queued", waiting_for="waits for a node"), {})]
    assert run.get_detailed_status() == {"status": "Queued", "details": "waits for a node"}
    run.cancel()
    assert run.status == "CancelRequested"


def test_downloading_into_a_folder_keeps_the_name(run: Run, held: Any, make_run: Any, tmp_path: Path) -> None:
    held.client.runs.file = lambda *_: held.client.models.file("", "", 1, _Path("model.joblib"))
    run.download_file("outputs/model.joblib", f"{tmp_path}/new/")  # v1-behaviours 3.10, without its trap
    assert (tmp_path / "new" / "model.joblib").read_bytes() == b"bytes of a model"


class _Path:
    offset = 0

    def __init__(self, path: str) -> None:
        self.path = path
