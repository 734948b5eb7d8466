"""How many nodes there should be."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amlet.compute.scaling import plan, surplus, wanted_nodes
from amlet.domain.compute import Node, Scale, node_share
from amlet.domain.job import Share
from amlet.domain.vm_sizes import VM_SIZES

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SMALL = st.integers(0, 20)
SHARE = Share(1, 1)


@given(queued=SMALL, busy=SMALL, least=SMALL, more=SMALL)
def test_wanted_nodes_stay_within_the_bounds(queued, busy, least, more):
    most = least + more

    wanted = wanted_nodes(queued, busy, least, most)

    assert least <= wanted <= most
    assert wanted >= min(most, queued + busy)


@given(
    idle=st.lists(st.one_of(st.none(), st.integers(0, 200)), max_size=10),
    busy=st.sets(st.integers(0, 9)),
    wanted=SMALL,
)
def test_no_busy_node_and_never_too_many_are_ended(idle, busy, wanted):
    nodes = [
        Node(str(number), "p", SHARE, NOW, None if s is None else NOW - timedelta(seconds=s))
        for number, s in enumerate(idle)
    ]
    held = {str(number) for number in busy}

    ended = surplus(nodes, held, wanted, 60, NOW)

    assert not held & {node.name for node in ended}
    assert len(nodes) - len(ended) >= min(wanted, len(nodes))
    assert all(NOW - node.idle_since >= timedelta(seconds=60) for node in ended)


@given(cores=st.integers(1, 64), nodes=st.integers(1, 100), size=st.sampled_from(sorted(VM_SIZES.values())))
def test_a_nodes_share_is_never_more_than_asked_nor_its_part_nor_less_than_a_core(cores, nodes, size):
    share = node_share(size, nodes, Share(cores, 64 << 30))

    assert 1 <= share.cores <= max(1, min(size.cores, cores // nodes))


class Cluster(RuleBasedStateMachine):
    """A target whose nodes come, work, idle, die and go, with a pass of the reconciler after every event.

    The engine is a slow one: what is to start or end does so at some later step, or never.
    """

    def __init__(self):
        super().__init__()
        self.now = NOW
        self.scale = Scale(0, 3, 60)
        self.nodes: dict[str, Node] = {}
        self.alive: set[str] = set()
        self.held: set[str] = set()
        self.frozen: set[str] = set()
        self.queued = 0
        self.made = 0
        self.demand_since = NOW
        self.added: dict[str, datetime] = {}
        self.disturbed = False
        """Whether a node died or the bounds changed since demand became constant: then adding one is right."""

    def _pass(self):
        nodes = sorted(self.nodes.values(), key=lambda node: (node.started, node.name))
        queued = min(self.queued, self.scale.max_nodes)
        silent = self.frozen - self.held
        decided = plan(self.scale, nodes, self.alive, self.held, queued, self.now, silent=silent)
        leaving = {node.name for node in decided.leave}

        assert not leaving & self.held
        assert not {node.name for node in decided.forget} & (self.alive | self.held)
        present = self.alive | self.held
        staying = {name for name in present if not self.nodes[name].leaving}
        if len(present) < self.scale.max_nodes:  # one that is cut off keeps no run waiting while there is a place
            wanted = min(len(self.held) + queued, self.scale.max_nodes - len(present - staying) - len(silent & staying))
            assert len(staying - silent) + decided.add >= wanted
        assert not decided.add or len(present) + decided.add <= self.scale.max_nodes
        for node in decided.forget:
            del self.nodes[node.name]
        self.alive |= {node.name for node in decided.revive}
        for name in leaving:
            self.nodes[name] = self.nodes[name]._replace(leaving=True)
            if len(staying) <= self.scale.max_nodes:
                self._no_flapping(name)
        for _ in range(decided.add):
            self.made += 1
            name = f"n{self.made}"
            self.nodes[name] = Node(name, "p", SHARE, self.now, None)
            self.alive.add(name)
            self.added[name] = self.now

    def _no_flapping(self, name):
        """Under constant demand none goes that came within twice the idle time, unless it is cut off."""
        if name in self.frozen:
            return
        if not self.disturbed and self.added.get(name, NOW) >= self.demand_since:
            assert self.now - self.added[name] >= timedelta(seconds=2 * self.scale.idle_s)

    def _changed(self, *, disturbed=False):
        self.demand_since = self.now
        self.disturbed = disturbed

    @rule(runs=st.integers(1, 5))
    def submit(self, runs):
        self.queued += runs
        self._changed()
        self._pass()

    @rule(data=st.data())
    def greet_or_take(self, data):
        """A node asks for work."""
        free = sorted(name for name in self.alive - self.held - self.frozen if not self.nodes[name].leaving)
        if not free:
            return
        name = data.draw(st.sampled_from(free))
        node = self.nodes[name]._replace(seen=self.now)
        if self.queued:
            self.queued -= 1  # the demand stays: what was queued goes on
            self.held.add(name)
            self.nodes[name] = node._replace(idle_since=None)
        else:
            self.nodes[name] = node._replace(idle_since=node.idle_since or self.now)
        self._pass()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), another=st.booleans())
    def end_run(self, data, another):
        """A run ends; where demand is constant, the next one is there at once."""
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.held.discard(name)
        if another:
            self.queued += 1
        else:
            self._changed()
        self._pass()

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)
        self._pass()

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def die(self, data):
        self.alive.discard(data.draw(st.sampled_from(sorted(self.alive))))
        self._changed(disturbed=True)
        self._pass()

    @rule(data=st.data())
    def freeze_or_thaw(self, data):
        """A node is cut off for longer than its lease: what it held is queued again; or it is back."""
        seen = sorted(name for name in self.alive if self.nodes[name].seen is not None)
        if not seen:
            return
        name = data.draw(st.sampled_from(seen))
        if name in self.frozen:
            self.frozen.discard(name)
            self.nodes[name] = self.nodes[name]._replace(seen=self.now)
        else:
            self.frozen.add(name)
            if name in self.held:
                self.held.discard(name)
                self.queued += 1
        self._changed(disturbed=True)
        self._pass()

    @rule()
    def leave(self):
        """Nodes that were told to go are gone."""
        for name in [name for name in self.alive - self.frozen - self.held if self.nodes[name].leaving]:
            self.alive.discard(name)
        self._pass()

    @rule(least=st.integers(0, 3), more=st.integers(0, 4), idle_s=st.sampled_from([0, 1, 60, None]))
    def update(self, least, more, idle_s):
        self.scale = Scale(least, least + more, idle_s)
        self._changed(disturbed=True)
        self._pass()

    @invariant()
    def stays_within_its_bounds(self):
        present = [node for node in self.nodes.values() if node.name in self.alive | self.held]
        staying = [node for node in present if not node.leaving]
        going = len(present) - len(staying)
        assert len(staying) <= max(self.scale.max_nodes, sum(node.name in self.held for node in staying))
        # Fewer than the least only while those on their way out have their places.
        assert len(staying) >= min(self.scale.min_nodes, self.scale.max_nodes - going)

    @invariant()
    def keeps_every_node_that_works(self):
        assert self.held <= set(self.nodes)


TestCluster = Cluster.TestCase
TestCluster.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


@pytest.mark.every_fault
@pytest.mark.timeout(1500)
class TestTenThousandClusters(Cluster.TestCase):
    """The same over many more sequences of events."""

    settings = settings(max_examples=10_000, stateful_step_count=50, deadline=None)
