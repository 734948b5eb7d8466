"""Tags, properties, aliases, stages and history of registered models."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, Entry
from amlet.operations.edit_model import edit_model, roll_back, set_alias
from amlet.operations.register import model_of_id, register, unregister
from amlet.wire.models import EditModel, RegisterModel, Rollback, SetAlias


@pytest.fixture
def three(world):
    """Three versions of iris."""
    world.do(lambda tx: tx.blobs.add([BlobLocation("f" * 64, 1)]))
    for number in range(3):
        asked = RegisterModel(
            "iris", entries=[Entry("m.joblib", "f" * 64, 1)], tags={"a": "1"}, properties={"p": "1"}, by="ann"
        )
        asked = asked._replace(request_id=str(number))
        world.do(lambda tx, asked=asked: register(tx, world.workspace_id, asked, world.later(1)))


def _edit(world, version=1, **changes):
    asked = EditModel(by="bob", **changes)
    return world.do(lambda tx: edit_model(tx, world.workspace_id, "iris", version, asked, world.later(1)))


def _alias(world, alias, version, why=None):
    asked = SetAlias(alias, version, "bob", why)
    found = world.do(lambda tx: set_alias(tx, world.workspace_id, "iris", asked, world.later(1)))
    return {one.alias: one.version for one in found}


def _roll_back(world, alias):
    found = world.do(lambda tx: roll_back(tx, world.workspace_id, "iris", Rollback(alias, "cy"), world.later(1)))
    return {one.alias: one.version for one in found}


def _history(world):
    return world.look(lambda tx: tx.models.history(world.workspace_id, "iris"))


def _of(world, reference):
    return world.look(lambda tx: model_of_id(tx, world.workspace_id, reference)).version


def test_tags_are_added_taken_away_and_replaced(world, three):  # v1-behaviours 14.6
    assert _edit(world, add_tags={"b": None, "a": "2"}).tags == {"a": "2", "b": None}
    assert _edit(world, remove_tags=["a", "no"]).tags == {"b": None}
    assert _edit(world, tags={"c": "3"}).tags == {"c": "3"}


def test_a_property_is_set_once(world, three):  # v1-behaviours 14.6
    assert _edit(world, add_properties={"q": "2", "p": "1"}).properties == {"p": "1", "q": "2"}
    with pytest.raises(Conflict, match="has p already: properties are immutable"):
        _edit(world, add_properties={"p": "2", "r": "3"})
    assert "r" not in _edit(world, description="d").properties


def test_an_edit_that_is_sent_twice_is_noted_once(world, three):
    _edit(world, add_tags={"b": "2"})
    _edit(world, add_tags={"b": "2"})

    assert [(event.what, event.detail, event.by) for event in _history(world)][:2] == [
        ("edited", "tags", "bob"),
        ("registered", "from files", "ann"),
    ]


def test_all_faults_of_an_edit_are_told_at_once(world, three):
    with pytest.raises(InvalidInput) as caught:
        _edit(world, add_tags={"": "1"}, stage="Best", sample_input="a\nb")
    assert all(part in str(caught.value) for part in ("tags.", "stage", "sample_input"))


def test_an_alias_and_a_stage_find_their_version(world, three):
    _alias(world, "champion", 2)
    _edit(world, 1, stage="Production")

    assert (_of(world, "iris@champion"), _of(world, "iris@Production"), _of(world, "iris:3")) == (2, 1, 3)
    with pytest.raises(NotFound, match="has no alias 'champoin'") as caught:
        _of(world, "iris@champoin")
    assert 'did you mean "champion"' in str(caught.value.hint)


def test_an_alias_goes_back_step_by_step_and_the_history_tells_all(world, three):
    for version in (1, 2, 3):
        _alias(world, "champion", version, why=f"try {version}")

    assert _roll_back(world, "champion") == {"champion": 2}
    assert _roll_back(world, "champion") == {"champion": 1}
    with pytest.raises(Conflict, match="stood for no other version"):
        _roll_back(world, "champion")

    told = [
        (event.version, event.before, event.by, event.why) for event in _history(world) if event.what == "alias set"
    ]
    assert told == [
        (1, 2, "cy", "rolled back from version 2"),
        (2, 3, "cy", "rolled back from version 3"),
        (3, 2, "bob", "try 3"),
        (2, 1, "bob", "try 2"),
        (1, None, "bob", "try 1"),
    ]


def test_a_rollback_passes_over_versions_that_are_gone(world, three):
    for version in (1, 2, 3):
        _alias(world, "champion", version)
    world.do(lambda tx: unregister(tx, world.workspace_id, "iris", 2, "ann", world.now))

    assert _roll_back(world, "champion") == {"champion": 1}


def test_a_deleted_version_takes_its_aliases_along_and_leaves_its_history(world, three):
    _alias(world, "champion", 3)
    world.do(lambda tx: unregister(tx, world.workspace_id, "iris", 3, "ann", world.now))

    with pytest.raises(NotFound):
        _of(world, "iris@champion")
    assert [event.what for event in _history(world)][:2] == ["deleted", "alias set"]


@pytest.mark.parametrize("alias", ["", "7", "a b", "x" * 65, "Production", "../x"])
def test_what_cannot_be_an_alias_is_refused(world, three, alias):
    with pytest.raises(InvalidInput):
        _alias(world, alias, 1)


def test_an_alias_of_no_version_is_refused(world, three):
    with pytest.raises(NotFound, match="iris:9"):
        _alias(world, "champion", 9)
