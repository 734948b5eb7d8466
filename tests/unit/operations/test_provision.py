"""Compute targets and the nodes they get."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.compute import Credentials, RemoteMachine, pool_of
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job, Share
from amlet.operations.provision import (
    create_compute,
    credentials_of,
    delete_compute,
    describe_compute,
    find_compute,
    list_nodes,
    switch_compute,
    update_compute,
)
from amlet.operations.reconcile import Reconciler
from amlet.operations.waiting import with_waits
from amlet.wire.codec import to_json
from amlet.wire.computes import CreateCompute, UpdateCompute

MACHINE = Share(8, 32 << 30)


class Engine:
    """Nodes that start and end as told."""

    def __init__(self):
        self.alive = set()

    def names(self):
        return set(self.alive)

    def troubles(self):
        return {}

    def start(self, node):
        self.alive.add(node.name)

    def stop(self, name):
        self.alive.discard(name)

    def close(self, *, grace_s):
        self.alive.clear()


def _create(world, name="cpu-cluster", machine=MACHINE, **changes):
    asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", max_nodes=2, idle_s=60)._replace(**changes)
    return world.do(
        lambda tx: create_compute(tx, world.workspace_id, name, asked, machine, world.now, seal=lambda text: text[::-1])
    )


def _describe(world, name="cpu-cluster"):
    return world.look(lambda tx: describe_compute(tx, find_compute(tx, world.workspace_id, name), MACHINE))


def _submit(world):
    job = Job(EnvironmentSpec("env"), "", script="train.py", target="cpu-cluster")
    return world.submit(job=job)


def _pool(world):
    return pool_of(world.workspace_id, "cpu-cluster")


def _pass(world, engine, seconds=1):
    Reconciler(world.records, engine, MACHINE).pass_over(world.later(seconds))


def test_nodes_come_as_runs_need_them_up_to_the_maximum(world):
    engine = Engine()
    _create(world)
    _pass(world, engine)
    assert engine.alive == {"local"}

    for _ in range(3):
        _submit(world)
    _pass(world, engine)

    assert len(engine.alive - {"local"}) == 2
    assert _describe(world).nodes.preparing == 2


def test_idle_nodes_leave_after_the_idle_time_and_never_below_the_minimum(world):
    engine = Engine()
    _create(world, min_nodes=1)
    _submit(world)
    _submit(world)
    _pass(world, engine)
    names = sorted(engine.alive - {"local"})
    for name in names:
        world.hello(name, _pool(world))
        held = world.take(name)
        world.do(lambda tx, run=held.run_id: tx.leases.end(world.workspace_id, run))
        run = world.run(held.run_id)
        world.do(lambda tx, run=run: tx.runs.save(run._replace(status="Completed")))
    assert [world.take(name) for name in names] == [None, None]

    _pass(world, engine, 30)
    assert [node.leaving for node in world.look(lambda tx: tx.nodes.list(_pool(world)))] == [False, False]
    _pass(world, engine, 61)
    assert sorted(node.leaving for node in world.look(lambda tx: tx.nodes.list(_pool(world)))) == [False, True]


def test_a_dead_node_that_holds_a_run_is_started_again_under_its_name(world):
    engine = Engine()
    _create(world)
    _submit(world)
    _pass(world, engine)
    (name,) = engine.alive - {"local"}
    world.hello(name, _pool(world))
    world.take(name)
    engine.alive.discard(name)

    _pass(world, engine)

    assert name in engine.alive


def test_the_share_of_a_node_is_told(world):
    assert _create(world).share == "2 cores, 7.5 GB"
    assert _create(world, vm_size="standard_d5_v2").share.startswith("4 cores, 17.2 GB (STANDARD_D5_V2 asks for 16;")


def test_a_share_smaller_than_the_size_is_told_on_the_run(world):
    engine = Engine()
    _create(world, vm_size="STANDARD_D5_V2")
    run = _submit(world)
    _pass(world, engine)
    (name,) = engine.alive - {"local"}
    world.hello(name, _pool(world))
    world.take(name)

    assert world.run(run.id).warnings[-1].message.startswith("STANDARD_D5_V2 has 16 cores; a node of cpu-cluster has 2")


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("local", {}, "v1 keeps that name"),  # v1-behaviours 11.1
        ("x", {}, "cannot be the name of a compute target"),
        ("cpu", {"vm_size": "STANDARD_D22_V2"}, "is not a VM size we know"),
        ("cpu", {"vm_size": "STANDARD_NC6"}, "has 1 GPU"),
        ("cpu", {"max_nodes": 0, "min_nodes": 2, "idle_s": -1}, "3 fields are wrong"),  # v1-behaviours 11.3
    ],
)
def test_what_cannot_be_provisioned_is_refused(world, name, changes, text):
    with pytest.raises(InvalidInput, match=text):
        _create(world, name, **changes)


def test_update_changes_only_what_is_given(world):  # v1-behaviours 11.6
    _create(world)

    asked = UpdateCompute(max_nodes=4)
    state = world.do(lambda tx: update_compute(tx, world.workspace_id, "cpu-cluster", asked, MACHINE, world.now))

    assert (state.target.min_nodes, state.target.max_nodes, state.target.idle_s) == (0, 4, 60)


def test_a_target_in_use_is_not_deleted(world):
    _create(world)
    _submit(world)

    with pytest.raises(Conflict, match="in use by 1 runs"):
        world.do(lambda tx: delete_compute(tx, world.workspace_id, "cpu-cluster"))


def test_a_deleted_targets_nodes_are_ended(world):
    engine = Engine()
    _create(world, min_nodes=1)
    _pass(world, engine)
    world.do(lambda tx: delete_compute(tx, world.workspace_id, "cpu-cluster"))
    _pass(world, engine)
    _pass(world, engine)

    assert engine.alive == {"local"}
    with pytest.raises(NotFound):
        _describe(world)


INSTANCE = {"kind": "ComputeInstance", "min_nodes": 1, "max_nodes": 1, "idle_s": 0}


def _switch(world, action, name="cpu-cluster"):
    return world.do(lambda tx: switch_compute(tx, world.workspace_id, name, action, MACHINE, world.now))


def test_an_instances_node_is_there_until_it_is_stopped_whatever_its_idle_time(world):  # v1-behaviours 11.7
    engine = Engine()
    _create(world, **INSTANCE)
    _pass(world, engine)
    (name,) = engine.alive - {"local"}
    world.hello(name, _pool(world))
    assert world.take(name) is None
    _pass(world, engine, 3600)
    assert _describe(world).nodes.idle == 1

    state = _switch(world, "stop")

    assert state.target.is_stopped and state.nodes.leaving == 1


def test_a_stopped_instance_gets_no_node_and_its_runs_say_why_until_it_is_started(world):
    engine = Engine()
    _create(world, **INSTANCE)
    _switch(world, "stop")
    _pass(world, engine)
    run = _submit(world)
    _pass(world, engine)
    assert engine.alive == {"local"}
    told = world.look(lambda tx: with_waits(tx, [world.run(run.id)], MACHINE, world.now)).runs[0].waiting_for
    assert 'compute instance "cpu-cluster" is stopped' in told

    _switch(world, "start")
    _pass(world, engine)

    assert len(engine.alive) == 2


def test_a_node_that_is_to_go_takes_no_other_run_and_the_next_one_comes_after_it(world):
    engine = Engine()
    _create(world, **INSTANCE)
    _pass(world, engine)
    (old,) = engine.alive - {"local"}
    world.hello(old, _pool(world))
    first, second = _submit(world), _submit(world)
    assert world.take(old).run_id == first.id

    state = _switch(world, "restart")
    _pass(world, engine)

    assert state.nodes.leaving == 1
    assert engine.alive == {"local", old}
    world.do(lambda tx: tx.leases.end(world.workspace_id, first.id))
    world.do(lambda tx: tx.runs.save(world.run(first.id)._replace(status="Completed")))
    assert world.take(old) is None
    engine.alive.discard(old)
    _pass(world, engine)
    _pass(world, engine)
    (new,) = engine.alive - {"local"}
    world.hello(new, _pool(world))
    assert world.take(new).run_id == second.id


@pytest.mark.parametrize(("name", "action"), [("cpu-cluster", "start"), ("station", "jump")])
def test_only_an_instance_is_switched_and_only_by_known_actions(world, name, action):
    _create(world)
    _create(world, "station", **INSTANCE)
    with pytest.raises(InvalidInput):
        _switch(world, action, name)


def test_a_name_keeps_its_kind(world):
    _create(world)
    with pytest.raises(Conflict, match="of the kind AmlCompute already"):
        _create(world, **INSTANCE)


def test_a_size_with_a_gpu_needs_a_machine_that_has_as_many_as_nodes(world):
    with_gpu = MACHINE._replace(gpus=1)
    assert _create(world, machine=with_gpu, vm_size="STANDARD_NC6", max_nodes=1).share.endswith(", 1 GPU")
    with pytest.raises(InvalidInput, match="2 nodes of Standard_NC6 need a GPU each: this machine has 1"):
        _create(world, machine=with_gpu, vm_size="STANDARD_NC6")


def test_the_nodes_of_a_target_are_told_with_what_each_does(world):
    engine = Engine()
    _create(world)
    run = _submit(world)
    _submit(world)
    _pass(world, engine)
    first, _ = sorted(engine.alive - {"local"})
    world.hello(first, _pool(world))
    world.take(first)

    nodes = world.look(lambda tx: list_nodes(tx, world.workspace_id, "cpu-cluster")).nodes

    assert [(node.state, node.run_id, node.address) for node in nodes] == [
        ("running", run.id, "127.0.0.1"),
        ("preparing", None, "127.0.0.1"),
    ]
    assert [node.name for node in world.look(lambda tx: list_nodes(tx, world.workspace_id, "local")).nodes] == ["local"]
    with pytest.raises(NotFound):
        world.look(lambda tx: list_nodes(tx, world.workspace_id, "other"))


REMOTE = CreateCompute(
    "VirtualMachine",
    "",
    remote=RemoteMachine("host.example", 22, "me", "key"),
    credentials=Credentials(private_key="-----BEGIN PRIVATE KEY-----", passphrase="p"),
)


def _attach(world, asked=REMOTE, engines=("local", "ssh")):
    return world.do(
        lambda tx: create_compute(
            tx,
            world.workspace_id,
            "machine",
            asked,
            MACHINE,
            world.now,
            seal=lambda text: text[::-1],
            engines=engines,
        )
    )


def test_a_remote_machine_is_kept_with_its_secrets_sealed_and_apart(world):
    state = _attach(world)

    assert (state.target.engine, state.share) == ("ssh", "what its machine has")
    assert b"BEGIN PRIVATE" not in to_json(state)
    found = world.look(lambda tx: credentials_of(tx, state.target, lambda sealed: sealed[::-1]))
    assert found == REMOTE.credentials
    world.do(lambda tx: delete_compute(tx, world.workspace_id, "machine"))
    with pytest.raises(NotFound, match="has no credentials"):
        world.look(lambda tx: credentials_of(tx, state.target, str))


def test_a_remote_machines_nodes_are_not_started_by_the_engine_of_this_machine(world):
    engine = Engine()
    _attach(world)
    world.submit(job=Job(EnvironmentSpec("env"), "", script="train.py", target="machine"))
    _pass(world, engine)
    assert engine.alive == {"local"}


def test_a_server_without_the_engine_says_so(world):
    with pytest.raises(InvalidInput, match="has no engine 'ssh', which a VirtualMachine needs"):
        _attach(world, engines=("local",))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"remote": REMOTE.remote._replace(address="-oProxyCommand=x")}, "is not a host's name"),
        ({"remote": REMOTE.remote._replace(address="a b")}, "is not a host's name"),
        ({"remote": REMOTE.remote._replace(username="-l")}, "is not a user's name"),
        ({"remote": REMOTE.remote._replace(port=0)}, "ssh_port"),
        ({"remote": REMOTE.remote._replace(signs_in_with="password")}, "does not tell what the credentials are"),
        ({"credentials": Credentials()}, "need a password or a private key"),
        ({"credentials": Credentials(private_key="ssh-ed25519 AAA")}, "holds no private key"),
        ({"credentials": None}, "credentials come with a VirtualMachine"),
        ({"kind": "AmlCompute", "vm_size": "STANDARD_D2_V2"}, "and with nothing else"),
        ({"max_nodes": 2}, "is one machine"),
        ({"kind": "Spark"}, "is not a kind"),
        ({"tags": {"": "x"}}, "a key has"),
        ({"details": {"a": "x" * 70_000}}, "details"),
    ],
)
def test_what_cannot_be_attached_is_refused_and_no_secret_is_told(world, changes, text):
    with pytest.raises(InvalidInput, match=text) as caught:
        _attach(world, REMOTE._replace(**changes))
    assert "BEGIN" not in str(caught.value)


def test_a_serving_target_takes_no_runs_and_has_no_nodes(world):
    engine = Engine()
    _create(world, kind="AKS", max_nodes=1)
    _pass(world, engine)
    assert engine.alive == {"local"}
    with pytest.raises(InvalidInput, match="serves models: no run can be submitted to it"):
        _submit(world)


def test_kept_settings_are_changed_one_by_one(world):
    _create(world, details={"a": 1, "b": 2})
    asked = UpdateCompute(details={"b": 3})
    state = world.do(lambda tx: update_compute(tx, world.workspace_id, "cpu-cluster", asked, MACHINE, world.now))
    assert state.target.details == {"a": 1, "b": 3}
