"""Which nodes hold how many processes of a service."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amlet.compute.placement import Size, nodes_to_add, place

NAMES = "abcdef"
SIZES = st.builds(Size, st.integers(0, 8000), st.integers(0, 16))
NEEDS = st.builds(Size, st.integers(1, 3000), st.integers(0, 6))
NODES = st.dictionaries(st.sampled_from(NAMES), SIZES)
HELD = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5))
PROCESSES = st.integers(0, 12)


@given(PROCESSES, NEEDS, NODES, HELD)
def test_no_node_has_more_than_it_has_room_for_and_no_more_are_placed_than_wanted(processes, need, free, held):
    found = place(processes, need, free, held)

    assert all(free[node].holds(need) >= count >= 1 for node, count in found.items())
    assert sum(found.values()) == min(processes, sum(room.holds(need) for room in free.values()))


@given(PROCESSES, NEEDS, NODES, HELD)
def test_nothing_moves_that_was_placed_so(processes, need, free, held):
    found = place(processes, need, free, held)

    assert place(processes, need, free, found) == found


@given(PROCESSES, NEEDS, NODES, HELD, st.integers(0, 5))
def test_a_change_of_the_number_moves_nothing_else(processes, need, free, held, change):
    before = place(processes, need, free, held)

    more = place(processes + change, need, free, before)
    fewer = place(max(0, processes - change), need, free, before)

    assert len(before) < 2 or all(more[node] >= count for node, count in before.items())
    assert all(before[node] >= count for node, count in fewer.items()) or len(fewer) == 2


@given(PROCESSES, NEEDS, NODES, HELD, st.sampled_from(NAMES))
def test_with_a_lost_node_only_what_it_held_is_placed_anew(processes, need, free, held, lost):
    before = place(processes, need, free, held)
    left = {node: room for node, room in free.items() if node != lost}

    after = place(processes, need, left, before)

    stayed = {node: count for node, count in before.items() if node != lost}
    assert len(stayed) < 2 or all(after[node] >= count for node, count in stayed.items())


@given(PROCESSES, NEEDS, NODES)
def test_from_nothing_it_is_spread_evenly(processes, need, free):
    found = place(processes, need, free, {})

    for node, room in free.items():
        if found.get(node, 0) < room.holds(need):
            assert found.get(node, 0) >= max(found.values(), default=0) - 1


@given(st.integers(2, 12), NEEDS, NODES, HELD)
def test_a_service_of_several_processes_does_not_stay_on_one_node_when_another_has_room(processes, need, free, held):
    found = place(processes, need, free, held)

    with_room = [node for node, room in free.items() if room.holds(need)]
    assert len(found) >= 2 or len(with_room) < 2


@given(st.lists(st.tuples(st.integers(0, 6), NEEDS), max_size=4), SIZES)
def test_as_many_nodes_are_added_as_hold_all_that_fits_on_one(missing, node):
    count = nodes_to_add(missing, node)

    able = [(number, need) for number, need in missing if number and node.holds(need)]
    assert (count > 0) == bool(able)
    assert count <= sum(number for number, _ in able)
    assert count * node.millicores >= sum(number * need.millicores for number, need in able)
