"""Search spaces, policies and v1's file, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput
from amlet.cli.expressions import read_parameter, read_policy
from amlet.cli.sweep_file import read_sweep_file
from amlet.cli.sweep_view import bar
from amlet.domain.sweep import BAYESIAN, MINIMIZE, RANDOM, Objective, Policy, Sampling


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("C=loguniform(-3, 3)", ("C", ["loguniform", [-3, 3]])),
        ("--C=uniform(1e-3,1)", ("--C", ["uniform", [0.001, 1]])),
        ("kernel=rbf,linear", ("kernel", ["choice", [["rbf", "linear"]]])),
        ("kernel=choice(rbf, linear)", ("kernel", ["choice", [["rbf", "linear"]]])),
        ("depth=1,2,4", ("depth", ["choice", [[1, 2, 4]]])),
        ("depth=choice([1, 2])", ("depth", ["choice", [[1, 2]]])),
        ("n=randint(10)", ("n", ["randint", [10]])),
        (
            "m=choice({'kind': svm, 'C': uniform(0, 1)}, {'kind': tree})",
            ("m", ["choice", [[{"kind": "svm", "C": ["uniform", [0, 1]]}, {"kind": "tree"}]]]),
        ),
    ],
)
def test_parameters(text, told):
    assert read_parameter(text) == told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C", "NAME=EXPRESSION"),
        ("=uniform(0,1)", "NAME=EXPRESSION"),
        ("C=unifrm(0,1)", "not an expression"),
        ("C=uniform(0,1", "cannot be read"),
        ("C=uniform(0, __import__('os').getpid())", "not a plain value"),
        ("C=os.system('x')", "cannot be read"),
        ("C=uniform(low=0)", "not an expression"),
    ],
)
def test_parameters_with_faults(text, words):
    with pytest.raises(InvalidInput, match=words):
        read_parameter(text)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("bandit(slack_factor=0.1)", Policy("bandit", slack_factor=0.1)),
        ("median", Policy("medianstopping")),
        ("truncation(20, evaluation_interval=2)", Policy("truncationselection", 2, truncation_percentage=20)),
        ("asha(min_resource=2)", Policy("hyperband", min_resource=2)),
        ("none", Policy()),
    ],
)
def test_policies(text, policy):
    assert read_policy(text) == policy


@pytest.mark.parametrize("text", ["bandid", "bandit(0.1)", "bandit(slack=1)", "median(evaluation_interval=1.5)"])
def test_policies_with_faults(text):
    with pytest.raises(InvalidInput):
        read_policy(text)


FILE = """
sampling:
  type: random
  parameter_space:
    - name: --C
      expression: uniform
      values: [0.1, 1]
    - name: kernel
      expression: choice
      values: [rbf, linear]
policy:
  type: BanditPolicy
  evaluation_interval: 2
  slack_factor: 0.1
primary_metric_name: loss
primary_metric_goal: MINIMIZE
max_total_runs: 12
max_concurrent_runs: 3
"""


def test_v1s_file(tmp_path: Path):
    # v1-behaviours 12.23
    path = tmp_path / "hdconfig.yml"
    path.write_text(FILE)
    told = read_sweep_file(path)
    space = {"--C": ["uniform", [0.1, 1]], "kernel": ["choice", [["rbf", "linear"]]]}
    assert told.sampling == Sampling(RANDOM, space)
    assert told.policy == Policy("bandit", 2, slack_factor=0.1)
    assert told.objective == Objective("loss", MINIMIZE)
    assert (told.max_total_runs, told.max_concurrent_runs, told.max_duration_minutes) == (12, 3, None)
    path.write_text(FILE.replace("type: random", "type: BayesianOptimization"))
    sampling = read_sweep_file(path).sampling
    assert sampling is not None
    assert sampling.method == BAYESIAN


def test_every_fault_of_the_file_is_told_at_once(tmp_path: Path):
    path = tmp_path / "hdconfig.yml"
    path.write_text(
        FILE.replace("type: random", "type: wild").replace("max_total_runs: 12", "max_total_runs: x\nfoo: 1")
    )
    with pytest.raises(InvalidInput) as caught:
        read_sweep_file(path)
    assert {fault.path for fault in caught.value.fields} == {"foo", "sampling.type", "max_total_runs"}
    for text in ("- 1", "a: [", ""):
        path.write_text(text)
        with pytest.raises(InvalidInput, match=r"hdconfig\.yml"):
            read_sweep_file(path)


def test_a_bar_is_thirty_columns_wide():
    assert bar(0, 10) == "░" * 30
    assert bar(5, 10) == "█" * 15 + "░" * 15
    assert bar(10, 10) == "█" * 30
