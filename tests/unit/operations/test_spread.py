"""Services over several nodes: where they are placed, when they are healthy, and what nodes are told to hold."""

from __future__ import annotations

import hashlib

import pytest

from amlet.domain import service as services
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.compute import AML_COMPUTE
from amlet.domain.deployment import ENDPOINT, Autoscale, Deployment
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Share
from amlet.domain.model import Resources
from amlet.domain.service import ReplicaLoad
from amlet.operations import deploy as deploying
from amlet.operations import held_by_services, lease, replicas
from amlet.operations.autoscale import Autoscaling
from amlet.operations.provision import create_compute, list_nodes
from amlet.operations.reconcile import Reconciler
from amlet.operations.service_records import find_service
from amlet.wire.computes import CreateCompute
from amlet.wire.nodes import ReplicaState, SyncReplicas
from amlet.wire.services import DeployService, UpdateService
from support.world import World, sealed, unsealed

SCRIPT = Entry("score.py", "5" * 64, 10)
SERVED = Deployment(entry_script="score.py", environment=EnvironmentSpec("env"), target="cluster", replicas=2)
GB = 1 << 30


class Engine:
    """Nodes that are there once they were started."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.trouble: str | None = None

    def names(self):
        return set(self.alive)

    def troubles(self):
        return dict.fromkeys(self.alive, self.trouble) if self.trouble else {}

    def start(self, node):
        self.alive.add(node.name)

    def stop(self, name):
        self.alive.discard(name)

    def close(self, *, grace_s):
        self.alive.clear()


class Cluster:
    """A target of three nodes of two cores, a server that makes passes, and what nodes and the router tell."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.machine = Share(6, 12 * GB)
        world.do(lambda tx: tx.blobs.add([BlobLocation(SCRIPT.sha256, 10)]))
        asked = CreateCompute(AML_COMPUTE, "STANDARD_D2_V2", max_nodes=3, idle_s=20)
        world.do(
            lambda tx: create_compute(
                tx, world.workspace_id, "cluster", asked, world.machine, world.later(1), seal=sealed
            )
        )
        self.engine = Engine()
        self.load: ReplicaLoad | None = None
        autoscaling = Autoscaling(lambda _: self.load, lambda: world.now.timestamp())
        self._reconciler = Reconciler(world.records, self.engine, world.machine, autoscaling=autoscaling)
        self.pool = f"{world.workspace_id}/cluster"
        self.held: dict[str, list[ReplicaState]] = {}

    def deploy(self, deployment=SERVED, name="scorer", **others):
        asked = DeployService(name, deployment, [SCRIPT] if deployment.entry_script else [], **others)
        known = self.world.known()
        return self.world.do(lambda tx: deploying.deploy(tx, self.world.workspace_id, asked, known)).service

    def update(self, deployment=SERVED, **others):
        asked = UpdateService(deployment, [SCRIPT], **others)
        known = self.world.known()
        return self.world.do(lambda tx: deploying.update(tx, self.world.workspace_id, "scorer", asked, known)).service

    def record(self, name="scorer", version=""):
        return self.world.look(lambda tx: find_service(tx, self.world.workspace_id, name, version))

    @property
    def service(self):
        return self.record().service

    def nodes(self):
        found = self.world.look(lambda tx: list_nodes(tx, self.world.workspace_id, "cluster")).nodes
        return {node.name: node.state for node in found}

    def pass_over(self, seconds=1.0, *, silent=()):
        """A pass, before which every node that was started says a word."""
        now = self.world.later(seconds)
        for node in self.world.look(lambda tx: tx.nodes.list(self.pool)):
            if node.name in self.engine.alive and node.seen is None and node.name not in silent:
                self.world.hello(node.name, self.pool, Share(2, 4 * GB))
            elif node.name in self.engine.alive and node.name not in silent:
                self.world.do(lambda tx, node=node: tx.nodes.save(node._replace(seen=now)))
        self._reconciler.pass_over(now)

    def come(self):
        """Until every node that is needed is there and has its processes."""
        for _ in range(4):
            self.pass_over()

    def wanted(self, node):
        return self.world.look(lambda tx: replicas.wanted_replicas(tx, node, unseal=unsealed))

    def placed(self):
        """The processes that each node is to hold of the present revision."""
        record = self.record()
        rows = [row for row in record.placements if row.revision == record.service.revision and not row.leaving]
        return {row.node: row.processes for row in rows}

    def sync(self, node, held, *, ending=()):
        asked = SyncReplicas(node, list(held), -1, ending=list(ending), is_whole=True)
        self.world.do(lambda tx: replicas.sync_replicas(tx, asked, self.world.later(0.1)))

    def tell(self, state=services.HEALTHY, *, but=(), error=None):
        """Every node tells that what it is to hold is so."""
        for number, node in enumerate(sorted(self.nodes())):
            if node not in but:
                answering = state == services.HEALTHY
                self.sync(
                    node,
                    [
                        ReplicaState(
                            one.workspace_id, one.service, one.revision, state, 7000 + one.revision, error,
                            version=one.version, processes=one.processes * answering, host=f"10.0.0.{number}",
                        )
                        for one in self.wanted(node).wanted
                    ],
                )  # fmt: skip

    def route(self, *, number=None, state=services.HEALTHY, error=None):
        """The router goes by what it is to."""
        for one in self.wanted("local").routers:
            told = one.number if number is None else number
            held = ReplicaState(one.workspace_id, one.service, one.revision, state, 6000, error, is_router=True)
            self.sync("local", [held._replace(number=told)])

    def healthy(self):
        self.come()
        self.tell()
        self.route()
        assert self.service.state == services.HEALTHY, self.service


@pytest.fixture
def cluster(world: World) -> Cluster:
    return Cluster(world)


def test_nodes_come_for_a_service_and_each_has_its_part(cluster):
    service = cluster.deploy()
    assert service.state == services.TRANSITIONING
    cluster.pass_over()
    assert cluster.service.step == "Waiting for a node of cluster: a node is being started"
    cluster.come()

    assert len(cluster.nodes()) == 2
    assert sorted(cluster.placed().values()) == [1, 1]
    assert set(cluster.nodes().values()) == {"running"}
    for node in cluster.nodes():
        (one,) = cluster.wanted(node).wanted
        assert (one.processes, one.host, one.port, one.revision) == (1, None, None, 1)
    assert cluster.wanted("local").wanted == []


def test_the_router_alone_has_the_secret_and_replicas_its_hash(cluster):
    cluster.deploy()
    cluster.come()
    (router,) = cluster.wanted("local").routers
    told = {lease.settings.router_hash for node in cluster.nodes() for lease in cluster.wanted(node).wanted}
    assert len(router.secret) > 40 and told == {hashlib.sha256(router.secret.encode()).hexdigest()}
    assert not any(router.secret in repr(cluster.wanted(node)) for node in cluster.nodes())


def test_it_is_healthy_once_all_answer_and_requests_go_there(cluster):
    cluster.deploy()
    cluster.come()
    first = min(cluster.nodes())
    cluster.tell(but=[first])
    cluster.route()
    assert (cluster.service.state, cluster.service.processes) == (services.TRANSITIONING, 1)
    cluster.tell()
    assert cluster.service.state == services.TRANSITIONING  # the router has yet to hear of it
    cluster.route()
    told = cluster.service
    assert (told.state, told.processes, told.address) == (services.HEALTHY, 2, "http://127.0.0.1:6000")
    (router,) = cluster.wanted("local").routers
    assert [(place.host, place.port, place.processes) for place in router.places] == [
        ("10.0.0.0", 7001, 1),
        ("10.0.0.1", 7001, 1),
    ]


def test_the_next_revision_takes_over_at_once_and_what_was_before_ends_after_that(cluster):
    cluster.deploy()
    cluster.healthy()
    before = cluster.placed()
    cluster.update(SERVED._replace(variables={"A": "1"}))
    cluster.come()
    assert cluster.placed() == before and len(cluster.nodes()) == 2  # beside what answers, not elsewhere
    first, second = sorted(before)
    cluster.tell(but=[second])
    (router,) = cluster.wanted("local").routers
    assert {place.port for place in router.places} == {7001}
    cluster.tell()
    (router,) = cluster.wanted("local").routers
    assert {place.port for place in router.places} == {7002}
    assert sorted(one.revision for one in cluster.wanted(first).wanted) == [1, 2]  # requests may still go there
    assert cluster.service.state == services.TRANSITIONING

    cluster.route()
    assert [one.revision for one in cluster.wanted(first).wanted] == [2]
    assert cluster.service.state == services.TRANSITIONING
    cluster.tell()
    assert (cluster.service.state, cluster.service.revision) == (services.HEALTHY, 2)
    assert {row.revision for row in cluster.record().placements} == {2}


def test_a_revision_that_fails_on_a_node_leaves_the_one_before_it_answering(cluster):
    cluster.deploy()
    cluster.healthy()
    cluster.update(SERVED._replace(variables={"A": "1"}))
    cluster.come()
    node = min(cluster.nodes())
    earlier, present = sorted(cluster.wanted(node).wanted, key=lambda one: one.revision)
    key = (present.workspace_id, present.service)
    answers = ReplicaState(*key, 1, services.HEALTHY, 7001, processes=1, host="10.0.0.0")
    cluster.sync(node, [answers, ReplicaState(*key, 2, services.FAILED, None, "ValueError: no weights")])
    told = cluster.service
    assert (told.state, told.processes) == (services.FAILED, 2)
    assert told.error == f"Node {node}: ValueError: no weights"
    cluster.pass_over()
    assert [[one.revision for one in cluster.wanted(name).wanted] for name in sorted(cluster.nodes())] == [[1], [1]]
    assert earlier.revision == 1


def test_a_lost_node_costs_its_part_which_another_one_takes(cluster):
    cluster.deploy()
    cluster.healthy()
    lost, kept = sorted(cluster.placed())
    for _ in range(20):
        cluster.pass_over(silent=[lost])
    assert cluster.service.state == services.UNHEALTHY or len(cluster.placed()) == 2
    cluster.come()
    placed = cluster.placed()
    assert placed[kept] == 1 and lost not in placed and len(placed) == 2
    (router,) = cluster.wanted("local").routers
    assert [place.host for place in router.places] == ["10.0.0.1"]
    cluster.tell(but=[lost])
    cluster.route()
    assert (cluster.service.state, cluster.service.processes) == (services.HEALTHY, 2)


def test_a_node_that_begins_anew_answers_nothing_until_it_says_so(cluster):
    cluster.deploy()
    cluster.healthy()
    first = min(cluster.nodes())
    cluster.sync(first, [])
    (router,) = cluster.wanted("local").routers
    assert [place.host for place in router.places] == ["10.0.0.1"]
    assert cluster.service.state == services.HEALTHY  # the other one answers
    assert cluster.placed()[first] == 1


def test_nobody_answers_and_it_is_said(cluster):
    cluster.deploy()
    cluster.healthy()
    cluster.tell(services.UNHEALTHY, error="out of memory")
    told = cluster.service
    assert (told.state, told.processes) == (services.UNHEALTHY, 0)
    assert "Node cluster-" in told.error and "out of memory" in told.error


def test_a_node_that_serves_never_goes_for_want_of_runs_and_its_idle_time_begins_after_that(cluster):
    cluster.deploy()
    cluster.healthy()
    for _ in range(30):
        cluster.pass_over()
    assert len(cluster.nodes()) == 2
    cluster.world.do(lambda tx: deploying.undeploy(tx, cluster.world.workspace_id, "scorer"))
    for _ in range(15):
        cluster.pass_over()
    assert set(cluster.nodes().values()) == {"idle"}
    for _ in range(10):
        cluster.pass_over()
    assert "idle" not in cluster.nodes().values()


def test_a_run_has_what_services_leave_of_a_node_and_waits_for_those_that_wait(cluster):
    world = cluster.world
    cluster.deploy(SERVED._replace(replicas=1))
    cluster.healthy()
    (node,) = cluster.nodes()
    job = world.submission().job._replace(target="cluster")
    world.submit(job=job)
    taken = world.take(node)
    assert taken.share.cores == 1 and taken.share.memory_bytes == 4 * GB
    run = world.run(taken.run_id)
    assert "1 of the 2 cores" in run.warnings[-1].message
    cluster.update(SERVED._replace(replicas=3))
    cluster.pass_over()
    assert cluster.placed() == {node: 1}  # the run has the rest
    cluster.come()
    assert cluster.placed()[node] == 1 and sum(cluster.placed().values()) == 3

    cluster.deploy(SERVED._replace(replicas=9), name="larger")
    full = world.look(lambda tx: held_by_services.full(tx, cluster.pool, tx.nodes.list(cluster.pool)))
    assert full == set(cluster.nodes())  # what is free is the service's
    cluster.come()
    why = cluster.record("larger").service.step
    assert "none has 1 core free" in why and "1 run scripts and 3 serve models" in why


def test_a_process_that_fits_on_no_node_is_said_to(cluster):
    cluster.deploy(SERVED._replace(replicas=1, resources=Resources(cpu=3, memory_gb=1)))
    cluster.come()
    assert "a process needs 3 cores and 1 GB, which no node of cluster has" in cluster.service.step
    assert cluster.nodes() == {}


def test_a_service_waits_with_the_engines_reason(cluster):
    cluster.deploy()
    cluster.pass_over()
    cluster.engine.trouble = "Ray has no machine with the resource amlet_cluster now."
    cluster.world.do(lambda tx: [tx.nodes.save(node._replace(seen=None)) for node in tx.nodes.list(cluster.pool)])
    cluster.pass_over(silent=cluster.nodes())
    told = cluster.service
    assert told.state == services.TRANSITIONING
    assert told.step == "Waiting for a node of cluster: Ray has no machine with the resource amlet_cluster now"


def test_load_brings_processes_and_nodes_for_them(cluster):
    cluster.deploy(SERVED._replace(replicas=None, autoscale=Autoscale(1, 4, 50, 1)))
    cluster.come()
    assert sum(cluster.placed().values()) == 1
    cluster.load = ReplicaLoad(10, 0, 0.0, 0)
    cluster.tell()
    cluster.route()
    for turn in range(8):
        cluster.load = ReplicaLoad(10, 0, 1.0 * (turn + 1) * cluster.service.processes, 3, 1)
        cluster.pass_over()
        cluster.tell()
    assert sum(cluster.placed().values()) == 4 and len(cluster.nodes()) == 2
    cluster.route()
    assert (cluster.service.state, cluster.service.revision) == (services.HEALTHY, 1)


def test_another_target_is_another_place_and_ends_what_answered_there(cluster):
    cluster.deploy()
    cluster.healthy()
    cluster.update(SERVED._replace(target="local"))
    assert cluster.service.target is None
    assert all(cluster.wanted(node).wanted == [] for node in cluster.nodes())
    told = cluster.wanted("local")
    assert [one.revision for one in told.wanted] == [2] and told.routers == []


def test_versions_on_nodes_are_reached_by_their_endpoints_router(cluster):
    cluster.deploy(Deployment(kind=ENDPOINT), name="shop")
    cluster.deploy(SERVED, name="shop", version="blue")
    cluster.come()
    cluster.tell()
    cluster.route()
    (router,) = cluster.wanted("local").routers
    assert {place.version for place in router.places} == {"blue"} and router.is_endpoint
    cluster.route()
    assert cluster.record("shop", "blue").service.state == services.HEALTHY


def test_a_node_speaks_for_what_it_holds_alone(cluster):
    cluster.deploy()
    cluster.healthy()
    held = ReplicaState(cluster.world.workspace_id, "scorer", 1, services.FAILED, None, "no")
    cluster.sync("stranger", [held, held._replace(is_router=True, state=services.UNHEALTHY)])
    assert cluster.service.state == services.HEALTHY


def test_a_taken_port_fails_the_first_revision_and_is_tried_again_later(cluster):
    cluster.deploy()
    cluster.come()
    cluster.route(state=services.UNHEALTHY, error="Port 80 is in use by another program.")
    assert (cluster.service.state, cluster.service.error) == (
        services.FAILED,
        "Port 80 is in use by another program.",
    )
    cluster.update()
    cluster.healthy()
    cluster.route(state=services.UNHEALTHY, error="Port 80 is in use by another program.")
    assert cluster.service.state == services.UNHEALTHY
    cluster.route()
    assert cluster.service.state == services.HEALTHY


def test_a_node_learns_that_it_is_to_serve(cluster):
    cluster.deploy()
    cluster.come()
    for node in cluster.nodes():
        assert cluster.world.look(lambda tx, node=node: lease.serves(tx, node, cluster.pool))
    assert not cluster.world.look(lambda tx: lease.serves(tx, "local", "local"))


def test_a_run_that_services_leave_no_room_keeps_no_room_of_the_machine_from_others(cluster):
    world = cluster.world
    cluster.deploy(SERVED._replace(replicas=6))
    cluster.healthy()
    world.submit(job=world.submission().job._replace(target="cluster"))
    assert [world.take(node) for node in cluster.nodes()] == [None] * 3
    behind = world.submit(submission_id="behind")
    world.hello()
    assert world.take().run_id == behind.id  # it needs the whole machine


def test_a_word_that_comes_after_a_later_one_changes_nothing(cluster):
    cluster.deploy()
    cluster.healthy()
    node = min(cluster.nodes())
    (one,) = cluster.wanted(node).wanted
    held = ReplicaState(one.workspace_id, one.service, 1, services.HEALTHY, 7009, processes=1, host="10.0.0.0")
    second = 10**9

    def told(state, at_s, *more):
        asked = SyncReplicas(node, [state, *more], -1, is_whole=True, told_ns=at_s * second)
        cluster.world.do(lambda tx: replicas.sync_replicas(tx, asked, cluster.world.later(0.1)))
        return {row.port for row in cluster.record().placements if row.node == node}

    assert told(held, 1000) == {7009}
    assert told(held._replace(state=services.TRANSITIONING, processes=0, host=None, port=None), 999) == {7009}
    assert cluster.service.processes == 2
    assert told(held._replace(port=7010), 5) == {7010}  # its machine has begun anew
