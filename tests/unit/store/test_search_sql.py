"""What filters become for each database, before there is a server at hand to try it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from amlet.domain.filter import parse
from amlet.store.labels import rows_of, searchable
from amlet.store.search import _test, family
from amlet.store.tables import runs

FILTERS = (
    "metrics.a > 0.5 and tags.team in ('a', 'b', 5)",
    "not params.C != 1 or properties.p like 'a%'",
    "duration > 5 and started >= '2026-11-01' and ended is null",
    "display_name like 'a\\%' and id in ()",
)


def said(dialect: postgresql.dialect, text: str) -> str:
    query = select(runs.c.seq).where(_test(parse(text), runs.c.seq)).order_by(runs.c.seq.desc()).limit(5)
    return str(query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_can_be_said_to_both_databases_and_holds_no_value(text: str) -> None:
    for dialect in (postgresql.dialect(), sqlite.dialect()):
        statement = said(dialect, text)
        assert not re.search(r"team|0\.5|2026|display_name = |'a|'p'", statement)


def test_the_two_databases_differ_in_how_case_is_passed_over_alone() -> None:
    one, other = (
        re.sub(r"%\(\w+\)s(::[A-Z]+( PRECISION)?)?|\?", "?", said(dialect, FILTERS[0])).partition("LIMIT")[0]
        for dialect in (postgresql.dialect(), sqlite.dialect())
    )
    assert one.split() == other.split()
    assert "ILIKE" in said(postgresql.dialect(), FILTERS[1])
    assert "lower(" in said(sqlite.dialect(), FILTERS[1])


def test_families_are_found_by_both_databases() -> None:
    for dialect in (postgresql.dialect(), sqlite.dialect()):
        statement = str(family("w", "r").compile(dialect=dialect))
        assert statement.startswith("WITH RECURSIVE")
        assert "UNION ALL" not in statement


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5.0), ("-1e3", -1000.0), ("inf", float("inf")), ("nan", None), ("1_0", None), ("x", None), ("", None)],
)
def test_a_label_that_is_a_number_is_one(text: str, number: float | None) -> None:
    (row,) = rows_of(1, 0, {"a": text})
    assert (row["value"], row["whole"], row["number"]) == (text, None, number)


def test_a_long_label_is_told_from_another_of_the_same_beginning_and_takes_little_of_the_index() -> None:
    one, other = (rows_of(1, 0, {"a": "x" * 5000 + end})[0] for end in "ab")
    assert one["value"] != other["value"]
    assert len(one["value"]) < 250
    assert one["whole"] == "x" * 5000 + "a"


def test_labels_whose_names_no_database_tells_apart_are_one_row() -> None:
    assert searchable("a\x00\udce4ü") == "a\ufffd\ufffdü"
    assert len(rows_of(1, 0, {"a\x00": "1", "a\ud800": "2"})) == 1
