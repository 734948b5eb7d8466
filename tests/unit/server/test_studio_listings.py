"""What a list's address asks for: a filter that cannot be read is told, and the list stays."""

from __future__ import annotations

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.filter import parse, parse_order
from amlet.server.studio.listings import _address, _columns, asked_for


def test_a_filter_and_an_order_are_read() -> None:
    asked = asked_for({"filter": " metrics.a > 1 ", "order": "metrics.b desc", "children": "yes", "before": "50"}, None)
    assert asked.chosen.condition == parse("metrics.a > 1")
    assert asked.chosen.order == parse_order("metrics.b desc")
    assert (asked.chosen.recursive, asked.chosen.before, asked.metrics) == (True, 50, ["a", "b"])


def test_a_wrong_filter_is_told_with_its_place_and_left_out() -> None:
    asked = asked_for({"filter": "metrics.a >> 1", "order": "create", "before": "50"}, None)
    told, order = asked.faults
    assert told.message.splitlines()[1:] == ["    metrics.a >> 1", "               ^"]
    assert 'did you mean "created"' in (order.hint or "")
    assert (asked.chosen.condition, asked.chosen.order, asked.chosen.before) == (None, None, None)
    assert asked.filter == "metrics.a >> 1"


@pytest.mark.parametrize("query", [{"status": "Nothing"}, {"before": "x"}, {"before": "-1"}])
def test_what_no_form_of_ours_sends_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        asked_for(query, None)


def test_a_click_on_a_column_orders_by_it_then_the_other_way() -> None:
    columns = {one.title: one for one in _columns("/w/x", asked_for({"filter": "id = 'a'"}, None), ["hard name"])}
    assert columns["Status"].href == "/w/x?filter=id+%3D+%27a%27&order=status"
    assert columns["hard name"].href.endswith("&order=metrics.%22hard+name%22+desc")
    asked = asked_for({"order": 'metrics."hard name" desc'}, None)
    found = {one.title: one for one in _columns("/w/x", asked, ["hard name"])}["hard name"]
    assert (found.sorting, found.href) == ("descending", "/w/x?order=metrics.%22hard+name%22")


def test_going_on_keeps_what_was_asked_for() -> None:
    asked = asked_for({"filter": "id = '&'", "order": "started", "status": "Failed", "children": "yes"}, "e x")
    assert _address("/w/x", asked, before=50) == (
        "/w/x?experiment=e+x&status=Failed&filter=id+%3D+%27%26%27&order=started&children=yes&before=50"
    )
