"""Services: what may be deployed, what nodes are asked to hold, and what becomes of it."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.deployment import Deployment
from amlet.operations import deploy as deploying
from amlet.operations import replicas
from amlet.operations.register import register
from amlet.operations.service_records import find_service
from amlet.wire.models import RegisterModel
from amlet.wire.nodes import ReplicaState, SyncReplicas
from amlet.wire.services import DeployService
from support.world import unsealed

ASKED = DeployService("iris-service", Deployment(["iris:1"]))


@pytest.fixture
def model(world):
    """A model that no run trained."""
    asked = RegisterModel(
        "iris", entries=[Entry("m.joblib", "f" * 64, 1)], framework="ScikitLearn", framework_version="1.4.2"
    )
    world.resolved = False
    world.do(lambda tx: tx.blobs.add([BlobLocation("f" * 64, 1)]))
    return world.do(lambda tx: register(tx, world.workspace_id, asked, world.now)).model


def _deploy(world, **changes):
    """Deploy; what is a field of the deployment goes there."""
    own = {name: value for name, value in changes.items() if name in Deployment._fields}
    others = {name: value for name, value in changes.items() if name not in own}
    asked = ASKED._replace(deployment=ASKED.deployment._replace(**own), **others)
    return world.do(lambda tx: deploying.deploy(tx, world.workspace_id, asked, world.known())).service


def _wanted(world):
    return world.look(lambda tx: replicas.wanted_replicas(tx, "local", unseal=unsealed))


def _tell(world, state, revision=1, error=None, port=6000):
    held = ReplicaState(world.workspace_id, "iris-service", revision, state, port, error)
    asked = SyncReplicas("local", [held], -1)
    return world.do(lambda tx: replicas.sync_replicas(tx, asked, world.later(1)))


def _service(world):
    return world.look(lambda tx: find_service(tx, world.workspace_id, "iris-service")).service


def _prepare(world):
    ((_, services, _),) = world.look(replicas.unresolved).values()
    world.do(lambda tx: tx.locks.add(world.lock, "key"))
    world.do(lambda tx: replicas.prepared(tx, services[0], world.lock, None, world.now))


def test_a_model_without_a_run_is_served_by_the_version_it_was_registered_with(world, model):
    service = _deploy(world)

    ((spec, services, afar),) = world.look(replicas.unresolved).values()
    assert not afar
    assert (service.state, service.step) == ("Transitioning", "Preparing the environment")
    assert spec.pip[0] == "scikit-learn==1.4.2"
    assert services == [service]


def test_nodes_are_asked_for_a_replica_once_its_lock_is_there(world, model):
    _deploy(world)
    assert _wanted(world).wanted == []

    _prepare(world)

    (lease,) = _wanted(world).wanted
    (served,) = lease.models
    assert (lease.service, served.id, [entry.path for entry in served.files.entries]) == (
        "iris-service",
        "iris:1",
        ["m.joblib"],
    )
    assert lease.settings.trained_with == "1.4.2"


def test_a_healthy_replica_makes_the_service_healthy_and_its_port_is_kept(world, model):
    _deploy(world)
    _prepare(world)
    _tell(world, "Healthy")

    assert (_service(world).state, _service(world).address) == ("Healthy", "http://127.0.0.1:6000")
    assert _wanted(world).wanted[0].port == 6000


def test_a_failed_replica_fails_the_service_with_its_reason_and_is_not_started_again(world, model):
    _deploy(world)
    _prepare(world)
    _tell(world, "Failed", error="No module named 'sklearn'")

    assert (_service(world).state, _service(world).error) == ("Failed", "No module named 'sklearn'")
    assert _wanted(world).wanted == []


def test_word_of_an_older_revision_changes_nothing(world, model):
    _deploy(world)
    _prepare(world)
    _deploy(world, overwrite=True)
    _tell(world, "Failed", revision=1, error="old")

    assert (_service(world).state, _service(world).revision) == ("Transitioning", 2)


def test_the_number_of_the_wanted_changes_only_with_them(world, model):
    _deploy(world)
    _prepare(world)
    number = _wanted(world).number
    _tell(world, "Healthy")
    assert _wanted(world).number == number

    world.do(lambda tx: deploying.undeploy(tx, world.workspace_id, "iris-service"))
    assert _wanted(world).number != number


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"name": "Bad_Name"}, InvalidInput, "cannot be the name of a service"),  # v1-behaviours 15.1
        ({"model_ids": []}, InvalidInput, "You must provide an InferenceConfig"),  # v1-behaviours 15.2
        ({"model_ids": ["nope:1"]}, NotFound, "Model nope:1 is not in this workspace"),
        ({"model_ids": ["iris"]}, InvalidInput, "not a model's id"),
        ({"port": 70000}, InvalidInput, "70000 is not a port"),
    ],
)
def test_what_cannot_be_deployed_is_refused_in_one_sentence(world, model, changes, error, text):
    with pytest.raises(error, match=text):
        _deploy(world, **changes)


def test_a_name_that_is_taken_needs_overwrite(world, model):
    _deploy(world)

    with pytest.raises(Conflict, match="is there already"):
        _deploy(world)
    assert _deploy(world, overwrite=True).revision == 2


def test_a_deployment_sent_twice_is_one_revision(world, model):
    assert [_deploy(world, request_id="d1").revision for _ in "ab"] == [1, 1]
    assert [_deploy(world, overwrite=True, request_id="d2").revision for _ in "ab"] == [2, 2]


def test_two_services_never_get_one_port(world, model):
    _deploy(world, port=7000)

    with pytest.raises(Conflict, match='Port 7000 belongs to service "iris-service"'):
        _deploy(world, name="other-service", port=7000)


def test_a_missing_service_is_told_in_v1s_words(world):  # v1-behaviours 15.25
    with pytest.raises(NotFound, match="WebserviceNotFound: Webservice with name none not found"):
        world.look(lambda tx: find_service(tx, world.workspace_id, "none"))
