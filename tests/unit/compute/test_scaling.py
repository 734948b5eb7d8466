"""How many nodes there should be."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from amlet.compute.scaling import surplus, wanted_nodes
from amlet.domain.compute import Node, VmSize, node_share
from amlet.domain.job import Share

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SMALL = st.integers(0, 20)


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
    share = Share(1, 1)
    nodes = [
        Node(str(number), "p", share, NOW, None if s is None else NOW - timedelta(seconds=s))
        for number, s in enumerate(idle)
    ]
    held = {str(number) for number in busy}

    ended = surplus(nodes, held, wanted, 60, NOW)

    assert not held & {node.name for node in ended}
    assert len(nodes) - len(ended) >= min(wanted, len(nodes))
    assert all(NOW - node.idle_since >= timedelta(seconds=60) for node in ended)


@given(cores=st.integers(1, 64), nodes=st.integers(1, 100), asked=st.integers(1, 32))
def test_a_nodes_share_is_never_more_than_asked_nor_its_part_nor_less_than_a_core(cores, nodes, asked):
    share = node_share(VmSize(asked, 1.0), nodes, Share(cores, 64 << 30))

    assert 1 <= share.cores <= max(1, min(asked, cores // nodes))
