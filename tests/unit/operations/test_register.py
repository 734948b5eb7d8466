"""Registering models: versions, files of runs, and errors that say where the file is."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.deployment import Deployment
from amlet.domain.run import RunWarning
from amlet.operations.deploy import deploy
from amlet.operations.register import find_model, register, unregister
from amlet.operations.transitions import save
from amlet.store.base import FileRecord
from amlet.wire.models import RegisterModel
from amlet.wire.services import DeployService

SKLEARN = {"framework": "ScikitLearn"}


@pytest.fixture
def trained(world):
    """A run with two outputs."""
    run = world.submit()
    files = [FileRecord("outputs/model.joblib", 3, "d" * 64, None), FileRecord("outputs/m/a.txt", 1, "e" * 64, None)]

    def keep(tx):
        tx.blobs.add([BlobLocation("d" * 64, 3), BlobLocation("e" * 64, 1)])
        tx.files.put(world.workspace_id, run.id, files)

    world.do(keep)
    return run


def _register(world, **asked):
    return world.do(lambda tx: register(tx, world.workspace_id, RegisterModel(**asked), world.now))


def test_every_registration_makes_the_next_version(world, trained):  # v1-behaviours 14.2
    made = [
        _register(world, name="iris", run_id=trained.id, path="outputs/model.joblib", **SKLEARN).model for _ in "ab"
    ]

    assert [model.id for model in made] == ["iris:1", "iris:2"]
    assert made[0].experiment == "exp"
    assert made[0].lock_id == world.lock.id


def test_a_registration_sent_twice_makes_one_version(world, trained):
    asked = {"name": "iris", "run_id": trained.id, "path": "outputs/model.joblib", "request_id": "r1"}

    assert [_register(world, **asked).model.id for _ in "ab"] == ["iris:1", "iris:1"]


def test_a_file_keeps_its_name_and_a_folder_its_own(world, trained):  # v1-behaviours 15.18
    file = _register(world, name="a", run_id=trained.id, path="outputs/model.joblib").model
    folder = _register(world, name="b", run_id=trained.id, path="outputs/").model

    trees = [world.look(lambda tx, m=model: tx.trees.get(m.tree_id)) for model in (file, folder)]
    assert [entry.path for entry in trees[0].entries] == ["model.joblib"]
    assert [entry.path for entry in trees[1].entries] == ["outputs/m/a.txt", "outputs/model.joblib"]


def test_a_path_that_the_run_has_not_lists_its_files(world, trained):  # v1-behaviours 14.3
    with pytest.raises(NotFound, match=r'no file "model.joblib".*outputs/m/a.txt, outputs/model.joblib') as caught:
        _register(world, name="iris", run_id=trained.id, path="model.joblib")

    assert caught.value.hint == "the run is Queued: its outputs are there when it has ended."


def test_a_file_written_outside_outputs_is_explained(world, trained):  # v1-behaviours 0.3
    text = "The script wrote files outside ./outputs and ./logs, which are not kept with the run: model.joblib."
    world.do(lambda tx: save(tx, trained._replace(warnings=[RunWarning("outputs", text)])))

    with pytest.raises(NotFound) as caught:
        _register(world, name="iris", run_id=trained.id, path="model.joblib")
    assert "write it to outputs/model.joblib" in caught.value.hint


def test_another_framework_version_than_the_one_trained_with_is_told(world, trained):
    asked = {"name": "iris", "run_id": trained.id, "path": "outputs/model.joblib", **SKLEARN}

    assert "that was scikit-learn 1.5.0" in _register(world, framework_version="0.19.1", **asked).notes[0]
    assert _register(world, framework_version="1.5.0", **asked).notes == []


def test_every_fault_of_a_registration_is_told_at_once(world):
    with pytest.raises(InvalidInput) as caught:
        _register(world, name="../evil", framework_version="1", entries=[Entry("/abs", "x", 1)])

    assert {field.path for field in caught.value.fields} == {"name", "framework_version", "entries[0]"}


def test_own_files_are_asked_for_when_they_are_missing(world):
    answer = _register(world, name="iris", entries=[Entry("m.pkl", "9" * 64, 1)])

    assert (answer.model, answer.missing) == (None, ["9" * 64])


def test_a_missing_model_is_told_with_the_nearest_name(world, trained):
    _register(world, name="iris", run_id=trained.id, path="outputs/model.joblib")

    with pytest.raises(NotFound, match="Model with name irsi is not in this workspace") as caught:
        world.look(lambda tx: find_model(tx, world.workspace_id, "irsi", None))
    assert caught.value.hint == 'did you mean "iris"? it has: iris'


def test_a_model_that_a_service_uses_is_not_deleted(world, trained):  # v1-behaviours 14.6
    _register(world, name="iris", run_id=trained.id, path="outputs/model.joblib", **SKLEARN)
    asked = DeployService("iris-service", Deployment(["iris:1"]))
    world.do(lambda tx: deploy(tx, world.workspace_id, asked, world.known()))

    with pytest.raises(Conflict, match='used by service "iris-service"'):
        world.do(lambda tx: unregister(tx, world.workspace_id, "iris", 1, "ann", world.now))
