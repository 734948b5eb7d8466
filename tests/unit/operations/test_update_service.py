"""Changes of services: what makes a revision, what goes on answering, keys, and an endpoint's shares."""

from __future__ import annotations

import hashlib

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.deployment import BY_KEY, BY_TOKEN, ENDPOINT, Autoscale, Capture, Deployment
from amlet.domain.environment import Container, EnvironmentSpec
from amlet.domain.job import Share
from amlet.domain.model import Resources
from amlet.domain.service_token import is_valid
from amlet.operations import deploy as deploying
from amlet.operations import replicas, service_keys, traffic
from amlet.operations.register import register, unregister
from amlet.operations.service_records import find_service
from amlet.wire.models import RegisterModel
from amlet.wire.nodes import ReplicaState, SyncReplicas
from amlet.wire.services import DeployService, RegenerateKey, UpdateService
from support.world import sealed, unsealed

SCRIPT = Entry("score.py", "5" * 64, 10)
OTHER = Entry("score.py", "6" * 64, 10)
IMAGE = EnvironmentSpec("e", user_managed=True, container=Container("i"))
PLAIN = Deployment(entry_script="score.py", environment=EnvironmentSpec("env"))


@pytest.fixture(autouse=True)
def blobs(world):
    world.do(lambda tx: tx.blobs.add([BlobLocation(entry.sha256, 10) for entry in (SCRIPT, OTHER)]))


def _deploy(world, deployment=PLAIN, name="scorer", source=(SCRIPT,), **others):
    asked = DeployService(name, deployment, list(source), **others)
    return world.do(lambda tx: deploying.deploy(tx, world.workspace_id, asked, world.known()))


def _update(world, name="scorer", **changes):
    asked = UpdateService(**changes)
    return world.do(lambda tx: deploying.update(tx, world.workspace_id, name, asked, world.known())).service


def _tell(world, state, revision, name="scorer", version="", error=None, processes=1, is_router=False):
    held = ReplicaState(world.workspace_id, name, revision, state, 6000, error, version=version, processes=processes)
    held = held._replace(is_router=is_router)
    world.do(lambda tx: replicas.sync_replicas(tx, SyncReplicas("local", [held], -1), world.later(1)))


def _wanted(world):
    return world.look(lambda tx: replicas.wanted_replicas(tx, "local", unseal=unsealed))


def _record(world, name="scorer", version=""):
    return world.look(lambda tx: find_service(tx, world.workspace_id, name, version))


def _held(world):
    """The revisions that the node is to hold."""
    return sorted(lease.revision for lease in _wanted(world).wanted)


def test_a_script_whose_files_are_missing_is_asked_for_and_nothing_is_recorded(world):
    answer = _deploy(world, source=[SCRIPT._replace(sha256="9" * 64)])

    assert (answer.service, answer.missing) == (None, ["9" * 64])
    with pytest.raises(NotFound):
        _record(world)


def test_a_lease_has_the_script_its_folder_and_every_setting(world):
    capture = Capture(inputs=True, share=0.5)
    _deploy(
        world,
        PLAIN._replace(
            environment=EnvironmentSpec("env", variables={"A": "1", "B": "1"}),
            variables={"B": "2"},
            scoring_timeout_ms=5,
            max_wait_ms=6,
            max_concurrent=7,
            cors_origins=["*"],
            capture=capture,
            replicas=3,
            resources=Resources(cpu=1.5, memory_gb=0.5),
            limits=Resources(memory_gb=1),
        ),
    )

    (lease,) = _wanted(world).wanted
    assert (lease.entry_script, lease.source.entries, lease.models) == ("score.py", [SCRIPT], [])
    settings = lease.settings
    assert (settings.scoring_timeout_ms, settings.max_wait_ms, settings.max_concurrent) == (5, 6, 7)
    assert (settings.cors_origins, settings.capture, settings.variables) == (["*"], capture, {"A": "1", "B": "2"})
    assert (lease.processes, lease.share, lease.holds_cores) == (3, Share(2, 1 << 30), True)
    assert (settings.key_hashes, settings.token_secret) == (None, None)


def test_what_running_processes_can_take_in_makes_no_revision(world):
    service = _deploy(world).service
    number = _wanted(world).number

    changed = _update(world, deployment=service.deployment._replace(autoscale=Autoscale(2, 5)), tags={"a": None})

    assert (changed.revision, changed.tags, _held(world)) == (1, {"a": None}, [1])
    assert _wanted(world).wanted[0].processes == 2
    assert _wanted(world).number != number
    assert _update(world, description="words").description == "words"


@pytest.mark.parametrize(
    "changes",
    [
        {"source": [OTHER]},
        {"restart": True},
        {"deployment": PLAIN._replace(variables={"A": "1"}), "source": [SCRIPT]},
        {"deployment": PLAIN._replace(scoring_timeout_ms=1), "source": [SCRIPT]},
    ],
)
def test_what_needs_other_processes_makes_a_revision_beside_the_one_that_answers(world, changes):
    _deploy(world)
    _tell(world, "Healthy", 1)
    assert _update(world, **changes).revision == 2

    assert _held(world) == [1, 2]
    _tell(world, "Transitioning", 2, processes=0)
    assert (_held(world), _record(world).service.processes) == ([1, 2], 1)
    _tell(world, "Healthy", 2)
    assert (_held(world), _record(world).service.state) == ([2], "Healthy")


def test_a_revision_that_fails_leaves_the_one_before_it(world):
    _deploy(world)
    _tell(world, "Healthy", 1)
    _update(world, restart=True)
    _tell(world, "Failed", 2, error="boom", processes=0)

    assert (_record(world).service.state, _record(world).service.error, _held(world)) == ("Failed", "boom", [1])
    _update(world, restart=True)
    assert _held(world) == [1, 3]
    _tell(world, "Healthy", 3)
    assert _held(world) == [3]


def test_a_revision_that_never_answered_is_not_kept_for_the_next(world):
    _deploy(world)
    _update(world, restart=True)

    assert _held(world) == [2]


def test_another_port_ends_what_answers_on_the_one_before(world):
    service = _deploy(world).service
    _tell(world, "Healthy", 1)
    _update(world, deployment=service.deployment._replace(port=7001))

    assert [(lease.revision, lease.port) for lease in _wanted(world).wanted] == [(2, 7001)]
    with pytest.raises(Conflict, match='Port 7001 belongs to service "scorer"'):
        _deploy(world, PLAIN._replace(port=7001), name="other")


def test_a_change_that_was_made_of_an_older_state_is_refused(world):
    service = _deploy(world).service
    _update(world, restart=True)

    with pytest.raises(Conflict, match="changed meanwhile"):
        _update(world, deployment=service.deployment, known=service.changes)


def test_an_update_sent_twice_is_one_revision(world):
    _deploy(world)
    assert [_update(world, restart=True, request_id="u1").revision for _ in "ab"] == [2, 2]


def test_sources_that_the_service_does_not_have_are_refused(world):
    service = _deploy(world).service

    with pytest.raises(InvalidInput, match="has no sources"):
        _update(world, deployment=service.deployment._replace(source_id="00000000-0000-0000-0000-000000000000"))


def test_a_model_of_the_revision_that_answers_is_not_deleted(world):
    asked = RegisterModel("iris", entries=[SCRIPT])
    world.do(lambda tx: register(tx, world.workspace_id, asked, world.now))
    _deploy(world, PLAIN._replace(model_ids=["iris:1"]))
    _tell(world, "Healthy", 1)
    _update(world, deployment=PLAIN, source=[SCRIPT])

    def delete():
        world.do(lambda tx: unregister(tx, world.workspace_id, "iris", 1, "ann", world.now))

    with pytest.raises(Conflict, match='used by service "scorer"'):
        delete()
    _tell(world, "Healthy", 2)
    delete()


def test_the_environment_is_its_packages_without_a_container_and_with_what_v1s_server_brought(world):
    world.resolved = False
    spec = EnvironmentSpec("env", pip=["azureml-defaults", "numpy"], container=Container("img"))
    answer = _deploy(world, PLAIN._replace(environment=spec))

    ((needed, _, _),) = world.look(replicas.unresolved).values()
    assert needed.pip == ["azureml-defaults", "numpy", "inference-schema"]
    assert needed.container is None
    assert "without its container image" in answer.notes[0]


def test_an_environment_that_cannot_be_resolved_fails_the_revision(world):
    world.resolved = False
    service = _deploy(world).service
    world.do(lambda tx: replicas.prepared(tx, service, None, "no such package", world.now))

    assert (_record(world).service.state, _record(world).service.error) == ("Failed", "no such package")
    assert world.look(replicas.unresolved) == {}


def test_every_fault_is_told_at_once(world):
    with pytest.raises(InvalidInput) as caught:
        _deploy(
            world,
            Deployment(
                entry_script="other.txt",
                auth="password",
                port=0,
                replicas=2,
                autoscale=Autoscale(3, 2, 0, 0),
                scoring_timeout_ms=0,
                method="__reduce__",
                capture=Capture(share=float("nan"), keep_days=0, keep_bytes=1),
                sample_request="{",
                resources=Resources(cpu=float("inf")),
            ),
            primary_key="short",
            traffic=101,
        )
    assert {field.path for field in caught.value.fields} == {
        "auth", "port", "entry_script", "replicas", "autoscale", "autoscale.target_utilization", "autoscale.refresh_s",
        "scoring_timeout_ms", "method", "capture.share", "sample_request", "resources.cpu", "primary_key", "traffic",
        "version", "capture.keep_days", "capture.keep_bytes",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("deployment", "says"),
    [
        (Deployment(entry_script="score.py"), "has no environment to run in"),
        (Deployment(entry_script="../score.py", environment=EnvironmentSpec("e")), "cannot name a file"),
        (PLAIN._replace(entry_script="absent.py"), "is not in the folder of sources"),
        (PLAIN._replace(kind=ENDPOINT), "an endpoint has no models and no script"),
        (PLAIN._replace(environment=IMAGE), "container image"),
    ],
)
def test_a_script_that_cannot_serve_is_refused(world, deployment, says):
    with pytest.raises(InvalidInput, match=says):
        _deploy(world, deployment)


def _keys(world, name="scorer"):
    return world.look(lambda tx: service_keys.keys_of(tx, world.workspace_id, name, unseal=unsealed))


def _regenerate(world, which, key=None):
    asked = RegenerateKey(which, key)
    return world.do(
        lambda tx: service_keys.regenerate(tx, world.workspace_id, "scorer", asked, seal=sealed, unseal=unsealed)
    )


def _digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def test_replicas_hold_the_hashes_of_both_keys_and_learn_of_a_fresh_one(world):
    _deploy(world, PLAIN._replace(auth=BY_KEY), primary_key="the-first-key")
    keys = _keys(world)
    number = _wanted(world).number

    assert keys.primary == "the-first-key"
    assert _wanted(world).wanted[0].settings.key_hashes == [_digest(key) for key in keys]
    fresh = _regenerate(world, "primary")
    assert (fresh.secondary, fresh.primary == keys.primary) == (keys.secondary, False)
    assert _wanted(world).wanted[0].settings.key_hashes == [_digest(key) for key in fresh]
    assert _wanted(world).number != number
    assert _regenerate(world, "secondary", "one-of-my-own").secondary == "one-of-my-own"


def test_keys_outlive_revisions_and_a_time_in_which_the_service_was_open(world):
    _deploy(world, PLAIN._replace(auth=BY_KEY))
    keys = _keys(world)
    _deploy(world, PLAIN, overwrite=True)
    with pytest.raises(Conflict, match="takes no keys: it is open"):
        _keys(world)
    _deploy(world, PLAIN._replace(auth=BY_KEY), overwrite=True)

    assert _keys(world) == keys
    world.do(lambda tx: deploying.undeploy(tx, world.workspace_id, "scorer"))
    _deploy(world, PLAIN._replace(auth=BY_KEY))
    assert _keys(world) != keys


def test_a_token_is_of_the_services_own_secret(world):
    _deploy(world, PLAIN._replace(auth=BY_TOKEN))
    told = world.look(lambda tx: service_keys.token_of(tx, world.workspace_id, "scorer", world.now, unseal=unsealed))
    secret = _wanted(world).wanted[0].settings.token_secret

    assert is_valid(secret, told.token, now_s=world.now.timestamp())
    assert not is_valid(secret, told.token, now_s=told.expires.timestamp())
    assert _wanted(world).wanted[0].settings.key_hashes is None


@pytest.mark.parametrize(("which", "key"), [("third", None), ("primary", "a b c d e f"), ("primary", "é" * 10)])
def test_a_key_that_no_header_carries_is_refused(world, which, key):
    _deploy(world, PLAIN._replace(auth=BY_KEY))
    with pytest.raises(InvalidInput):
        _regenerate(world, which, key)


def test_a_service_whose_keys_cannot_be_opened_is_not_served_open(world):
    _deploy(world, PLAIN._replace(auth=BY_KEY))
    _deploy(world, name="other")

    def other_key(_sealed):
        from amlet.base.errors import StorageFailed

        raise StorageFailed("sealed with another key")

    wanted = world.look(lambda tx: replicas.wanted_replicas(tx, "local", unseal=other_key)).wanted
    assert [lease.service for lease in wanted] == ["other"]


def _version(world, version, *, state="Healthy", **others):
    _deploy(world, name="shop", version=version, **others)
    if state is not None:
        _tell(world, state, 1, name="shop", version=version)


def _shares(world):
    (router,) = _wanted(world).routers
    return {share.version: share.percent for share in router.shares}


def _endpoint(world):
    _deploy(world, Deployment(kind=ENDPOINT), name="shop", source=[])


def test_what_no_version_has_a_share_of_is_the_defaults(world):
    _endpoint(world)
    assert _shares(world) == {}
    _version(world, "blue")
    assert _shares(world) == {"blue": 100}
    _version(world, "green", traffic=30)
    assert _shares(world) == {"blue": 70, "green": 30}
    _version(world, "red", traffic=20, is_default=True)
    assert _shares(world) == {"blue": 0, "green": 30, "red": 70}
    assert [_record(world, "shop", name).service.is_default for name in ("blue", "red")] == [False, True]


def test_a_version_that_has_not_answered_gets_nothing(world):
    _endpoint(world)
    _version(world, "blue")
    _version(world, "green", traffic=90, state=None)

    assert _shares(world) == {"blue": 100}
    _tell(world, "Healthy", 1, name="shop", version="green")
    assert _shares(world) == {"blue": 10, "green": 90}


def test_an_endpoint_is_healthy_when_its_router_knows_all_versions(world):
    _endpoint(world)
    _tell(world, "Healthy", 1, name="shop", is_router=True, processes=0)
    assert _record(world, "shop").service.state == "Healthy"
    _version(world, "blue")
    assert _record(world, "shop").service.state == "Transitioning"
    _tell(world, "Healthy", 1, name="shop", is_router=True, processes=1)
    assert (_record(world, "shop").service.state, _record(world, "shop").port) == ("Healthy", 6000)
    _version(world, "green", state="Failed")
    assert _record(world, "shop").service.state == "Failed"


def test_a_version_has_the_access_of_its_endpoint_and_no_port_of_its_own(world):
    _deploy(world, Deployment(kind=ENDPOINT, auth=BY_KEY), name="shop", source=[])
    _deploy(world, PLAIN._replace(auth=BY_TOKEN, port=7002), name="shop", version="blue")

    (lease,) = _wanted(world).wanted
    assert lease.settings.key_hashes == [_digest(key) for key in _keys(world, "shop")]
    assert (lease.port, lease.settings.token_secret) == (None, None)


def test_deleting_an_endpoint_deletes_its_versions_and_names_their_logs(world):
    _endpoint(world)
    _version(world, "blue")
    logs = world.do(lambda tx: deploying.undeploy(tx, world.workspace_id, "shop"))

    assert len(set(logs)) == 2
    assert world.look(lambda tx: tx.services.list()) == []


def test_the_shares_of_versions_sum_to_a_hundred_whatever_is_given(world):
    _endpoint(world)
    for name in ("blue", "green"):
        _version(world, name)
    versions = world.look(lambda tx: [one for one in tx.services.list() if one.service.version])
    for percent in range(0, 101, 20):
        shown = [versions[0], versions[1]._replace(service=versions[1].service._replace(traffic=percent))]
        assert sum(share.percent for share in traffic.shares_of(shown)) == 100
