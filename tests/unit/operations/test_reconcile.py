"""The reconciler and clocks that are set: nothing is lost by them, and nothing counts as fresh for ever."""

from __future__ import annotations

import itertools

import pytest

from amlet.domain.compute import Node
from amlet.domain.run import COMPLETED, FAILED, RUNNING
from amlet.operations import lease, settle
from amlet.operations.lease import LEASE_S
from amlet.operations.provision import create_compute
from amlet.operations.reconcile import Reconciler
from amlet.wire.computes import CreateCompute
from amlet.wire.nodes import AttemptStarted, SettleAttempt
from support.world import World

JUMPS_S = [-3600.0, 3600.0, 86_400.0, -86_400.0]


class Engine:
    """Nodes that are there once they were started."""

    def __init__(self) -> None:
        self.alive: set[str] = set()

    def names(self) -> set[str]:
        return set(self.alive)

    def troubles(self) -> dict[str, str]:
        return {}

    def start(self, node: Node) -> None:
        self.alive.add(node.name)

    def stop(self, name: str) -> None:
        self.alive.discard(name)

    def close(self, *, grace_s: float) -> None:
        self.alive.clear()


class Course:
    """A server that makes a pass every second, and a run on the node `local` that renews as often."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine = Engine()
        self._reconciler = Reconciler(world.records, self.engine, world.machine)
        self.run = world.submit()
        world.hello()
        world.take()
        world.do(lambda tx: lease.started(tx, world.workspace_id, self.run.id, AttemptStarted(1, ""), world.later(1)))

    def goes_on(self, seconds: int, *, renews: bool = True) -> None:
        for _ in range(seconds):
            self._reconciler.pass_over(self.world.later(1))
            if renews:
                self.renew()

    def renew(self) -> None:
        self.world.do(lambda tx: lease.renew(tx, self.world.workspace_id, self.run.id, 1, "local", self.world.now))

    @property
    def status(self) -> str:
        return self.world.run(self.run.id).status


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_no_run_is_lost_by_a_clock_that_is_set(world: World, jump_s: float) -> None:
    course = Course(world)
    course.goes_on(20)

    world.later(jump_s)
    course.goes_on(1, renews=False)  # the node had no time to renew
    assert course.status == RUNNING
    course.goes_on(20)

    assert course.status == RUNNING
    done = SettleAttempt(1, COMPLETED, 0, None, [], [])
    world.do(lambda tx: settle.settle(tx, world.workspace_id, course.run.id, done, world.later(1)))
    over = world.run(course.run.id)
    assert over.status == COMPLETED
    assert all(stage.started <= stage.ended for stage in over.stages)
    assert all(before.ended <= after.started for before, after in itertools.pairwise(over.stages))
    assert over.created <= over.started <= over.ended


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_a_node_that_dies_as_the_clock_is_set_loses_its_run_soon_after(world: World, jump_s: float) -> None:
    course = Course(world)
    course.goes_on(20)

    world.later(jump_s)
    course.goes_on(int(3 * LEASE_S), renews=False)

    assert course.status == FAILED


@pytest.mark.parametrize("jump_s", [-3600.0, -86_400.0])
def test_an_idle_node_goes_after_its_idle_time_also_when_the_clock_was_set_back(world: World, jump_s: float) -> None:
    asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", min_nodes=1, max_nodes=1, idle_s=60)
    target = world.do(
        lambda tx: create_compute(tx, world.workspace_id, "cpu", asked, world.machine, world.now, seal=str)
    )
    assert target is not None
    engine = Engine()
    reconciler = Reconciler(world.records, engine, world.machine)
    reconciler.pass_over(world.later(1))
    (name,) = engine.alive - {"local"}
    pool = f"{world.workspace_id}/cpu"
    world.hello(name, pool)
    assert world.take(name) is None
    world.do(lambda tx: tx.computes.save(tx.computes.find(world.workspace_id, "cpu")._replace(min_nodes=0)))

    world.later(jump_s)
    for _ in range(59):
        reconciler.pass_over(world.later(1))
    assert [node.leaving for node in world.look(lambda tx: tx.nodes.list(pool))] == [False]
    for _ in range(3):
        reconciler.pass_over(world.later(1))
    assert [node.leaving for node in world.look(lambda tx: tx.nodes.list(pool))] == [True]
