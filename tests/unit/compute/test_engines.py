"""Several engines as one."""

from __future__ import annotations

from datetime import datetime, timezone

from amlet.compute.engines import Engines
from amlet.domain.compute import Node
from amlet.domain.job import Share

NODE = Node("far-0", "w/far", Share(1, 1), datetime(2026, 1, 1, tzinfo=timezone.utc), None)


class Engine:
    """Remembers what it was asked."""

    def __init__(self, *names, **troubles):
        self.nodes = set(names)
        self._troubles = troubles
        self.closed_s = None

    def names(self):
        return self.nodes

    def troubles(self):
        return self._troubles

    def start(self, node):
        self.nodes.add(node.name)

    def stop(self, name):
        self.nodes.discard(name)

    def close(self, *, grace_s):
        self.closed_s = grace_s


def test_a_node_is_started_by_the_engine_of_its_target_alone():
    here, far = Engine("local"), Engine()

    Engines({"local": here, "ssh": far}, lambda node: "ssh").start(NODE)

    assert (here.nodes, far.nodes) == ({"local"}, {"far-0"})


def test_a_node_of_an_engine_that_is_not_here_is_left_alone():
    here = Engine("local")

    Engines({"local": here}, lambda node: "ray").start(NODE)

    assert here.nodes == {"local"}


def test_names_and_troubles_are_those_of_all():
    both = Engines({"local": Engine("local"), "ssh": Engine("far-0", **{"far-0": "cut"})}, lambda node: "local")

    assert both.names() == {"local", "far-0"}
    assert both.troubles() == {"far-0": "cut"}
    assert both.kinds == {"local", "ssh"}


def test_a_node_is_stopped_whoever_started_it_and_all_are_closed():
    here, far = Engine("local"), Engine("far-0")
    both = Engines({"local": here, "ssh": far}, lambda node: "local")

    both.stop("far-0")
    both.close(grace_s=3)

    assert both.names() == {"local"}
    assert here.closed_s == far.closed_s == 3
