"""Experiments as users hold them."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.experiment import Experiment, ViewType
from amlet.sdk.run import Run
from amlet.sdk.workspace import Workspace


def test_archived_experiments_are_out_of_the_way_until_asked_for(workspace: Workspace) -> None:
    kept, old = Experiment(workspace, "kept"), Experiment(workspace, "old")
    old.archive()
    assert old.archived_time is not None
    assert [one.name for one in Experiment.list(workspace)] == [kept.name]  # v1-behaviours 7.11
    assert [one.name for one in Experiment.list(workspace, view_type=ViewType.ArchivedOnly)] == ["old"]
    assert len(Experiment.list(workspace, view_type=ViewType.All)) == 2
    old.reactivate()
    assert old.archived_time is None
    with pytest.raises(UserErrorException, match="keeps its name"):  # v1-behaviours 7.11
        old.reactivate("new")
    with pytest.raises(UserErrorException, match="view_type"):
        Experiment.list(workspace, view_type="Old")


def test_tags_are_set_removed_and_looked_for(workspace: Workspace) -> None:
    one, _ = Experiment(workspace, "one"), Experiment(workspace, "two")
    one.tag("a", "1")
    one.set_tags({"b": None})
    one.refresh()
    assert one.tags == {"a": "1", "b": None}
    assert [found.name for found in Experiment.list(workspace, tags="b")] == ["one"]
    assert [found.name for found in Experiment.list(workspace, tags={"a": "2"})] == []
    assert [found.name for found in Experiment.list(workspace, experiment_name="two")] == ["two"]
    assert one.remove_tags(["b"]) == {"a": "1"}


def test_an_experiment_is_deleted_by_its_id(workspace: Workspace) -> None:
    one = Experiment(workspace, "one")
    Experiment.delete(workspace, one.id)
    assert Experiment.list(workspace) == []
    with pytest.raises(UserErrorException, match="no experiment with the id"):
        Experiment.delete(workspace, "none")


def test_filters_of_runs_travel_to_the_server(experiment: Experiment, held: Any) -> None:
    list(Run.list(experiment, type="t", tags={"a": 1}, properties="p", status=["Failed", "it's"]))  # type: ignore[dict-item]
    (asked,) = held.client.runs.queries
    assert (asked.experiment, asked.type, asked.recursive) == ("iris", "t", False)
    assert (asked.tags, asked.properties) == ('{"a": "1"}', '{"p": null}')  # v1-behaviours 2.9
    assert asked.filter == "status in ('Failed', 'it''s')"
    list(experiment.get_runs(include_children=True))
    assert held.client.runs.queries[1].recursive
    with pytest.raises(UserErrorException, match="tags must be"):
        list(experiment.get_runs(tags=3))  # type: ignore[arg-type]


def test_runs_of_a_compute_target_are_found_by_its_name(workspace: Workspace, held: Any) -> None:
    class Target:
        name = "it's"
        workspace: Any = None

    target = Target()
    target.workspace = workspace
    list(Run.list_by_compute(target, status=["Failed"]))
    assert held.client.runs.queries[0].filter == "target = 'it''s' and status in ('Failed')"
