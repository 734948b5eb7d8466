"""The metrics that a filter or an order names."""

from __future__ import annotations

from amlet.cli.metric_columns import metrics_named
from amlet.domain.filter import parse, parse_order


def test_metrics_are_found_in_every_part_of_a_filter_each_once():
    condition = parse('metrics.a > 1 and (not metrics."b c" is null or tags.x = 1) or metrics.a < 0')
    assert metrics_named(condition, parse_order("metrics.d desc")) == ["a", "b c", "d"]


def test_an_order_by_another_field_names_none():
    assert metrics_named(None, parse_order("started")) == []
    assert metrics_named(parse("status = 'Failed'"), None) == []
