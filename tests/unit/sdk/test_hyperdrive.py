"""HyperDrive's classes: what they take, what they refuse, what they send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azureml.core import ScriptRunConfig
from azureml.exceptions import TrainingException, UserErrorException
from azureml.train.dnn import TensorFlow
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRunConfig,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
    choice,
    loguniform,
    normal,
    quniform,
    randint,
    uniform,
)
from azureml.train.hyperdrive.exceptions import HyperDriveConfigException, HyperDriveException
from azureml.train.sklearn import SKLearn

SPACE = {"--C": loguniform(-3, 3), "kernel": choice("rbf", "linear")}


@pytest.fixture
def script(tmp_path: Path) -> ScriptRunConfig:
    (tmp_path / "train.py").write_text("print(1)")
    return ScriptRunConfig(str(tmp_path), "train.py", arguments=["--kernel", "rbf"])


def config(script: Any, **changes: Any) -> HyperDriveConfig:
    given: dict[str, Any] = {
        "hyperparameter_sampling": RandomParameterSampling(SPACE),
        "primary_metric_name": "Accuracy",
        "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
        "max_total_runs": 8,
        "run_config": script,
    }
    return HyperDriveConfig(**{**given, **changes})


@pytest.mark.parametrize(
    ("made", "told"),
    [
        # v1-behaviours 12.1, 12.2
        (choice(1, 2), ["choice", [[1, 2]]]),
        (choice([1, "a"]), ["choice", [[1, "a"]]]),
        (choice(range(1, 5)), ["choice", [[1, 2, 3, 4]]]),
        (choice("rbf"), ["choice", [["rbf"]]]),
        (uniform(0.1, 1), ["uniform", [0.1, 1]]),
        (quniform(1, 10, 2), ["quniform", [1, 10, 2]]),
        (randint(5), ["randint", [5]]),
        (normal(0, 1), ["normal", [0, 1]]),
    ],
)
def test_expressions_are_v1s_lists(made, told):
    assert made == told


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: choice(),
        lambda: choice([]),
        lambda: choice([1], [2]),
        lambda: choice(1, range(3)),
        lambda: randint(0),
        lambda: randint(1.5),
        lambda: randint(True),
        lambda: uniform(2, 1),
        lambda: uniform("a", 1),
        lambda: quniform(1, 10, 0.5),
        lambda: normal(0, -1),
        lambda: RandomParameterSampling([]),
        lambda: RandomParameterSampling({"C": 1}),
        lambda: RandomParameterSampling(None),
        lambda: GridParameterSampling({"C": uniform(0, 1)}),
        lambda: BayesianParameterSampling({"C": loguniform(0, 1)}),
        lambda: BayesianParameterSampling({"C": choice(1, "a")}),
        lambda: BayesianParameterSampling({"C": quniform(0, 1_000_000, 1)}),
        lambda: BayesianParameterSampling(None),
        lambda: BanditPolicy(),
        lambda: BanditPolicy(slack_factor=0.1, slack_amount=0.1),
        lambda: BanditPolicy(evaluation_interval=1.0, slack_factor=0.1),
        lambda: BanditPolicy(slack_factor="0.1"),
        lambda: MedianStoppingPolicy(evaluation_interval=0),
        lambda: TruncationSelectionPolicy(0),
        lambda: TruncationSelectionPolicy(100),
        lambda: TruncationSelectionPolicy(20.0),
    ],
)
def test_what_v1_refuses_is_refused_as_v1_does(wrong):
    with pytest.raises(HyperDriveConfigException):
        wrong()


def test_policies_tell_their_settings_as_v1_sent_them():
    # v1-behaviours 12.9 to 12.13
    told = BanditPolicy(2, slack_factor=0.1).to_json()
    assert told == {
        "name": "Bandit",
        "properties": {"evaluation_interval": 2, "delay_evaluation": 0, "slack_factor": 0.1},
    }
    assert TruncationSelectionPolicy(20).to_json()["properties"]["exclude_finished_jobs"] is False
    assert NoTerminationPolicy().to_json() == {"name": "Default"}
    assert BanditPolicy(slack_factor=0).slack_factor == 0
    with pytest.raises(HyperDriveConfigException, match="evaluation_interval"):
        BanditPolicy(0.1)  # v1-behaviours 12.13: it is the interval that comes first


def test_samplings_tell_their_space():
    # v1-behaviours 12.3
    assert RandomParameterSampling(SPACE).to_json() == {"name": "RANDOM", "parameter_space": SPACE}
    told = GridParameterSampling({"k": choice(1, 2)}, properties={"x": 1}).to_json()
    assert told["name"] == "GRID"
    assert told["properties"] == {"x": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run_config": None}, "run_config or an estimator"),
        ({"pipeline": object()}, "no pipelines"),
        ({"max_total_runs": 0}, "max_total_runs"),
        ({"max_total_runs": 2000}, "from 1 to 1000"),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs"),
        ({"primary_metric_goal": "up"}, "PrimaryMetricGoal"),
        ({"primary_metric_name": ""}, "primary_metric_name"),
        ({"policy": "bandit"}, "policy must be"),
        ({"hyperparameter_sampling": SPACE}, "RandomParameterSampling"),
    ],
)
def test_a_config_with_a_fault_is_refused_in_words(script, changes, words):
    with pytest.raises(HyperDriveConfigException, match=words):
        config(script, **changes)


def test_all_trials_go_on_at_a_time_unless_said(script):
    # v1-behaviours 12.4
    assert config(script)._spec.max_concurrent_runs == 8
    assert config(script, max_concurrent_runs=3)._spec.max_concurrent_runs == 3


def test_a_week_is_the_longest(script, capsys):
    # v1-behaviours 12.4
    assert config(script, max_duration_minutes=20_000)._spec.max_duration_s == 10_080 * 60
    assert "7 days" in capsys.readouterr().err


def test_bayesian_sampling_advises(script, capsys):
    sampling = BayesianParameterSampling({"a": uniform(0, 1), "b": choice(1, 2)})
    config(script, hyperparameter_sampling=sampling, max_total_runs=30)
    told = capsys.readouterr().err
    assert "40 runs" in told
    assert "20 at most" in told


def test_several_objectives(script):
    told = config(script, more_objectives=[("loss", "minimize")])._spec.objectives
    assert [(one.metric, one.goal) for one in told] == [("Accuracy", "maximize"), ("loss", "minimize")]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestEstimators:
    def test_an_estimator_becomes_a_script(self, tmp_path):
        (tmp_path / "train.py").write_text("print(1)")
        made = SKLearn(
            str(tmp_path), entry_script="train.py", script_params={"--kernel": "linear", "--fast": "", "--C": 1.0}
        )
        held = made._script_run_config()
        assert held.arguments == ["--kernel", "linear", "--fast", "--C", 1.0]
        assert "scikit-learn>=0.20.3" in " ".join(made.conda_dependencies.pip_packages)
        assert made.run_config.target == "local"

    def test_parameters_that_are_sampled_are_left_out_with_a_warning(self, tmp_path, capsys):
        # v1-behaviours 12.6
        made = Estimator(str(tmp_path), entry_script="train.py", script_params={"--kernel": "rbf", "--C": 1})
        assert made._without({"C": uniform(0, 1)}).arguments == ["--kernel", "rbf"]
        assert "--C" in capsys.readouterr().err
        assert made._script_run_config().arguments == ["--kernel", "rbf", "--C", 1]

    def test_the_older_configuration_is_a_hyperdrive_config(self, tmp_path):
        # v1-behaviours 12.22
        made = HyperDriveRunConfig(
            Estimator(str(tmp_path), entry_script="train.py"),
            RandomParameterSampling(SPACE),
            "Accuracy",
            PrimaryMetricGoal.MINIMIZE,
            4,
        )
        assert isinstance(made, HyperDriveConfig)
        assert made.estimator is not None
        assert made._spec.primary.goal == "minimize"

    def test_each_says_that_it_is_the_older_way(self, tmp_path):
        with pytest.warns(DeprecationWarning, match="ScriptRunConfig"):
            Estimator(str(tmp_path))

    def test_a_pip_file_adds_to_a_conda_file(self, tmp_path):
        (tmp_path / "conda.yml").write_text("name: own\ndependencies: [python=3.8, numpy]\n")
        (tmp_path / "requirements.txt").write_text("joblib==1.2.0\n")
        made = Estimator(
            str(tmp_path), conda_dependencies_file="conda.yml", pip_requirements_file="requirements.txt"
        ).conda_dependencies
        assert "numpy" in list(made.conda_packages)
        assert "joblib==1.2.0" in list(made.pip_packages)

    def test_processes_without_a_backend_are_said_to_be_one(self, tmp_path):
        with pytest.warns(UserWarning, match="process_count_per_node"):
            Estimator(str(tmp_path), process_count_per_node=3)

    def test_another_backend_than_mpi_is_refused(self, tmp_path):
        with pytest.raises(TrainingException, match="'ps'") as caught:
            Estimator(str(tmp_path), distributed_backend="ps", node_count=2)
        assert "distributed_job_config" in (caught.value.hint or "")

    def test_what_is_refused_says_what_to_use(self):
        with pytest.raises(UserErrorException) as caught:
            TensorFlow(".", entry_script="train.py")
        assert "ScriptRunConfig" in (caught.value.hint or "")


def test_exceptions_are_azureml_exceptions():
    from azureml.exceptions import AzureMLException

    assert issubclass(HyperDriveException, AzureMLException)
    assert HyperDriveConfigException("x").error_code == "HyperDriveConfigException"
