"""What users write to find runs, and how it is told what is wrong with it."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.base.errors import InvalidInput
from amlet.domain.filter import (
    COMPARISON_LIMIT,
    DEPTH_LIMIT,
    LENGTH_LIMIT,
    NAMED_FIELDS,
    TEXT_FIELDS,
    TIME_FIELDS,
    VALUE_LIMIT,
    All,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Not,
    Order,
    metrics_named,
    moment_of,
    parse,
    parse_order,
    unparse,
    unparse_order,
)
from amlet.domain.run import TRANSITIONS


def test(field: str, operator: str, *values: str | float, name: str = "") -> Comparison:
    return Comparison(Field(field, name), operator, values)


test.__test__ = False  # type: ignore[attr-defined]

READ: dict[str, Condition] = {
    "id = 'r1'": test("id", "=", "r1"),
    "metrics.Accuracy > 0.9": test("metrics", ">", 0.9, name="Accuracy"),
    "metrics.a.b-c_1>=1e-3": test("metrics", ">=", 1e-3, name="a.b-c_1"),
    "metrics.loss<-5": test("metrics", "<", -5, name="loss"),
    "metrics.loss < inf": test("metrics", "<", float("inf"), name="loss"),
    "metrics.loss != 99999999999999999999": test("metrics", "!=", 1e20, name="loss"),
    'metrics."Kernel type" = 1': test("metrics", "=", 1, name="Kernel type"),
    'metrics."a ""b"" \' c" = 1': test("metrics", "=", 1, name='a "b" \' c'),
    'tags."" is null': test("tags", "null", name=""),
    "tags.ü日本 = 'x'": test("tags", "=", "x", name="ü日本"),
    "tags.team = 'it''s'": test("tags", "=", "it's", name="team"),
    'tags.team = "vision"': test("tags", "=", "vision", name="team"),
    "tags.not = 'and'": test("tags", "=", "and", name="not"),
    "params.--kernel = 'rbf'": test("params", "=", "rbf", name="--kernel"),
    "params.C > 0.5": test("params", ">", 0.5, name="C"),
    "properties.azureml.git.commit like 'ab%'": test("properties", "like", "ab%", name="azureml.git.commit"),
    "STATUS = 'Failed'".lower().replace("failed", "Failed"): test("status", "=", "Failed"),
    "status IN ('Failed','Canceled')": test("status", "in", "Failed", "Canceled"),
    "name in ()": test("name", "in"),
    "started >= '2026-11-01'": test("started", ">=", "2026-11-01"),
    "duration<60": test("duration", "<", 60),
    "ended IS NOT NULL": Not(test("ended", "null")),
    "parent is\n\tnull": test("parent", "null"),
    "name not like 'a%'": Not(test("name", "like", "a%")),
    "name NOT IN ('a')": Not(test("name", "in", "a")),
    "not not id = 'a'": Not(Not(test("id", "=", "a"))),
    "id='a' or id='b' and id='c'": AnyOf([test("id", "=", "a"), All([test("id", "=", "b"), test("id", "=", "c")])]),
    "(id='a' Or id='b') AND not (id='c')": All(
        [AnyOf([test("id", "=", "a"), test("id", "=", "b")]), Not(test("id", "=", "c"))]
    ),
    "id='a'and(id='b')": All([test("id", "=", "a"), test("id", "=", "b")]),
}

REFUSED: dict[str, tuple[int, str]] = {
    "": (1, "expected a field, found its end"),
    "   ": (4, "expected a field"),
    "metrisc.x > 1": (1, 'did you mean "metrics"'),
    "stauts = 'Failed'": (1, 'did you mean "status"'),
    "id.x = 'a'": (1, "expected a field"),
    "and": (1, "expected a field, found 'and'"),
    "id": (3, "expected `=`, `!=`"),
    "id =": (5, "expected a value"),
    "id = a": (6, "single quotes: 'a'"),
    "id = 'a": (6, "expected a closing '"),
    "id = 5": (6, "expected a 'text', since id is one"),
    "id == 'a'": (4, "expected `=`, found '=='"),
    "id <> 'a'": (4, "expected `!=`"),
    "id = 'a' && id = 'b'": (10, "expected `and`"),
    "id = 'a' id = 'b'": (10, "expected `and`, `or` or the end"),
    "(id = 'a'": (10, "expected `,` or `)`"),
    "id = 'a')": (9, "found ')'"),
    "id in 'a'": (7, "expected `(`"),
    "id in ('a' 'b')": (12, "expected `,` or `)`"),
    "id is 5": (7, "expected `null` or `not null`"),
    "id is not 'a'": (11, "expected `null`"),
    "id not = 'a'": (8, "expected `like` or `in`"),
    "id = 'a'; drop table runs": (9, "found ';'"),
    "metrics > 1": (9, "expected a name, as in metrics.x"),
    "metrics. > 1": (10, "expected a name"),
    'metrics. "a" > 1': (10, "expected a name"),
    "metrics.a > 'x'": (13, "a number, since metrics.a is one"),
    "metrics.a like 'x'": (11, "metrics.a is no text"),
    "metrics.a > nan": (13, "expected a value"),
    "metrics.a > 1_0": (13, "expected a value"),
    "duration like '1'": (10, "duration is no text"),
    "started > 5": (11, "expected a time"),
    "started > 'yesterday'": (11, "expected a time"),
    "started > '9999-12-31T23:59:59-23:00'": (11, "expected a time"),
    "status = 'failed'": (10, 'did you mean "Failed"'),
    "name like 5": (11, "expected a pattern"),
    "name like 'a\\'": (11, "after the last backslash"),
    f"name like '{'%' * 20}'": (11, "at most 10 `%`"),
}


@pytest.mark.parametrize("text", READ)
def test_a_filter_is_read(text: str) -> None:
    assert parse(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_names_the_place_what_was_expected_and_the_nearest_field(text: str) -> None:
    place, words = REFUSED[text]
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    told = str(caught.value)
    assert f"at character {place}:" in told
    assert words in told


def test_a_caret_stands_below_the_fault() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("metrics.a > 1 or stats = 'Failed'")
    lines = caught.value.message.split("\n")
    assert lines[1][lines[2].index("^") :].startswith("stats")


def test_a_caret_stands_below_the_fault_of_a_long_filter_of_several_lines() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("metrics.a > 1\nor " * 50 + "stats = 'Failed'" + " or metrics.a > 1" * 50)
    lines = caught.value.message.split("\n")
    assert len(lines) == 3
    assert len(lines[1]) < 120
    assert lines[1][lines[2].index("^") :].startswith("stats")


def test_depth_comparisons_values_and_length_are_bounded() -> None:
    assert parse("(" * DEPTH_LIMIT + "id='a'" + ")" * DEPTH_LIMIT) == test("id", "=", "a")
    parse(" or ".join(["id='a'"] * COMPARISON_LIMIT))
    values = ", ".join(["'1'"] * VALUE_LIMIT)
    parse(f"id in ({values})")
    for text in (
        "(" * 5000 + "id='a'" + ")" * 5000,
        "not " * 4000 + "id='a'",
        " or ".join(["id='a'"] * (COMPARISON_LIMIT + 1)),
        f"id in ({values}, '1')",
    ):
        with pytest.raises(InvalidInput, match="at most"):
            parse(text)
    with pytest.raises(InvalidInput, match=f"{LENGTH_LIMIT} is the most"):
        parse("a" * (LENGTH_LIMIT + 1))


@pytest.mark.parametrize(
    "piece", ["(", "'", "''", '"', "a.", "not ", "9", "- ", "\\", "1e", "metrics.a>1 or ", "id in ('a',"]
)
def test_the_longest_texts_are_read_in_no_time(piece: str) -> None:
    text = (piece * LENGTH_LIMIT)[:LENGTH_LIMIT]
    began = time.process_time()
    with pytest.raises(InvalidInput):
        parse(text)
    assert time.process_time() - began < 1


def test_times_without_a_zone_are_utc() -> None:
    day = datetime(2026, 11, 1, tzinfo=timezone.utc)
    for text in ("2026-11-01", "2026-11-01T00:00", "2026-11-01 01:00:00+01:00", "2026-11-01T00:00:00Z"):
        assert moment_of(text) == day


def test_an_order_is_read() -> None:
    assert parse_order("started") == Order(Field("started"))
    assert parse_order(" metrics.Accuracy DESC ") == Order(Field("metrics", "Accuracy"), True)
    assert parse_order('tags."a b" asc') == Order(Field("tags", "a b"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The order cannot be read"),
        ("stated", 'did you mean "started"'),
        ("started down", "expected `asc`, `desc` or the end"),
        ("started, ended", "expected `asc`"),
        ("started desc; drop table runs", "found ';'"),
    ],
)
def test_an_order_that_cannot_be_read_is_told(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_order(text)
    assert words in str(caught.value)


names = st.text(max_size=12)
numbers = st.one_of(st.floats(allow_nan=False), st.integers(min_value=-(10**16), max_value=10**16))
texts = st.text(max_size=12)
fields = st.one_of(
    st.sampled_from([name for name in TEXT_FIELDS if name != "status"]).map(Field),
    st.builds(Field, st.sampled_from(NAMED_FIELDS), names),
)
times = st.datetimes(timezones=st.just(timezone.utc)).map(datetime.isoformat)
ORDERED = ("=", "!=", "<", "<=", ">", ">=")


def _values(field: Field) -> st.SearchStrategy[str | float]:
    if field.kind == "metrics":
        return numbers
    return texts if field.kind in TEXT_FIELDS else st.one_of(texts, numbers)


comparisons = st.one_of(
    fields.flatmap(
        lambda field: st.builds(Comparison, st.just(field), st.sampled_from(ORDERED), st.tuples(_values(field)))
    ),
    fields.flatmap(
        lambda field: st.builds(
            Comparison, st.just(field), st.just("in"), st.lists(_values(field), max_size=4).map(tuple)
        )
    ),
    st.builds(Comparison, fields, st.just("null"), st.just(())),
    st.builds(Comparison, st.just(Field("duration")), st.sampled_from(ORDERED), st.tuples(numbers)),
    st.builds(Comparison, st.sampled_from(TIME_FIELDS).map(Field), st.sampled_from(ORDERED), st.tuples(times)),
    st.builds(
        Comparison,
        st.just(Field("status")),
        st.sampled_from(("=", "!=")),
        st.tuples(st.sampled_from(list(TRANSITIONS))),
    ),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


@given(conditions)
@settings(max_examples=200, deadline=None)
def test_what_is_written_out_is_read_as_it_was(condition: Condition) -> None:
    assert parse(unparse(condition)) == condition


@given(fields, st.booleans())
@settings(max_examples=50, deadline=None)
def test_an_order_that_is_written_out_is_read_as_it_was(field: Field, descending: bool) -> None:
    assert parse_order(unparse_order(Order(field, descending))) == Order(field, descending)


PIECES = (
    *("metrics.a", "tags", ".", "id", "status", "started", "'Failed'", "'", '"', "(", ")", ",", "=", "<", ">", "!"),
    *(
        " ",
        "and",
        "or",
        "not",
        "like",
        "in",
        "is",
        "null",
        "1",
        "-",
        "1e",
        "e+5",
        "\\",
        "%",
        ";",
        "\x00",
        "\ud800",
        "²",
    ),
)


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=20).map("".join)))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused_and_raises_nothing_else(text: str) -> None:
    for read in (parse, parse_order):
        try:
            read(text)
        except InvalidInput as error:
            assert "cannot be read at character" in error.message


def test_metrics_are_found_in_every_part_of_a_filter_each_once() -> None:
    condition = parse('metrics.a > 1 and (not metrics."b c" is null or tags.x = 1) or metrics.a < 0')
    assert metrics_named(condition, parse_order("metrics.d desc")) == ["a", "b c", "d"]


def test_an_order_by_another_field_names_none() -> None:
    assert metrics_named(None, parse_order("started")) == []
    assert metrics_named(parse("status = 'Failed'"), None) == []
