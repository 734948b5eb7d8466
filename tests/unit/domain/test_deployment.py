"""Which changes of a deployment running processes can take in."""

from __future__ import annotations

import pytest

from amlet.domain.deployment import Autoscale, Deployment, same_revision
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.model import Resources

BEFORE = Deployment(["iris:1"], replicas=2)


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas": 5},
        {"replicas": None, "autoscale": Autoscale(1, 3)},
        {"auth": "key"},
        {"kind": "aks", "target": "aks"},
        {"details": {"ssl": True}},
    ],
)
def test_how_many_there_are_and_who_may_ask_needs_no_others(changes):
    assert same_revision(BEFORE, BEFORE._replace(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"model_ids": ["iris:2"]},
        {"source_id": "t"},
        {"environment": EnvironmentSpec("e")},
        {"resources": Resources(cpu=1)},
        {"scoring_timeout_ms": 1},
        {"variables": {"A": "1"}},
        {"cors_origins": ["*"]},
    ],
)
def test_anything_else_does(changes):
    assert not same_revision(BEFORE, BEFORE._replace(**changes))


def test_the_least_number_of_processes():
    assert [one.least_processes for one in (Deployment(), BEFORE, Deployment(autoscale=Autoscale(3, 4)))] == [1, 2, 3]
