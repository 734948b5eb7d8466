"""The contract of finding runs: every filter and order against what Python says of the same runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from amlet.base.errors import InvalidInput
from amlet.domain.filter import (
    All,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Not,
    Order,
    moment_of,
    parse,
    parse_order,
    unparse,
    unparse_order,
)
from amlet.domain.metric import SCALAR, Point
from amlet.domain.run import COMPLETED, FAILED, QUEUED, RUNNING, Run
from amlet.store.base import Records, RunFilter, Transaction
from support.records import HARD_TEXTS, NOW, add_run, later, run_of, workspace, write

Facts = dict[str, float]
"""The last values of a run's metrics."""

RUNS: list[tuple[Run, dict[str, list[float]]]] = [
    (run_of("r0", status=QUEUED, experiment="a"), {}),
    (
        run_of(
            "r1",
            status=COMPLETED,
            display_name="Iris 1",
            started=later(1),
            ended=later(11),
            tags={"team": "vision", "best": None},
            parameters={"kernel": "rbf", "C": "0.5"},
        ),
        {"acc": [0.1, 0.9], "loss": [2.0]},
    ),
    (
        run_of(
            "r2",
            status=FAILED,
            display_name="iris_2",
            started=later(2),
            ended=later(4),
            tags={"team": "text"},
            parameters={"kernel": "linear", "C": "1e1"},
            properties={"p": "x"},
        ),
        {"acc": [0.5], "loss": [math.nan]},
    ),
    (
        run_of(
            "r3",
            status=COMPLETED,
            type=None,
            name="third",
            target="cpu",
            experiment="a",
            started=later(2),
            tags={"team": "vision", "n": "10"},
            parameters={"C": "auto"},
        ),
        {"acc": [0.9], "hard 'name\" ": [1.0]},
    ),
    (
        run_of("r4", status=RUNNING, started=later(90), tags={"team": "x" * 500, "n": "9"}, parameters={"C": "-3"}),
        {"acc": [math.inf], "loss": [-1.0]},
    ),
    (
        run_of("r5", status=COMPLETED, display_name="100%", tags={"team": "x" * 499 + "y", "n": "nan"}),
        {"acc": [0.2, math.nan], "loss": [0.0]},
    ),
    (run_of("c1", status=COMPLETED, parent_id="r1", created=later(7), tags={"n": "1_0"}), {"acc": [0.95]}),
    (run_of("c2", parent_id="c1", tags={"team": "vision"}), {"acc": [0.97], "loss": [0.5]}),
    (run_of("c3", parent_id="r2", type="x"), {}),
]
BY_ID = {run.id: (run, {name: values[-1] for name, values in logged.items()}) for run, logged in RUNS}


def fill(records: Records) -> None:
    def work(tx: Transaction) -> None:
        for run, logged in RUNS:
            tx.runs.add(run, None, "")
            points = [Point(name, SCALAR, value, None, 1.0) for name, values in logged.items() for value in values]
            tx.metrics.add("w", run.id, "j", 1, points)

    write(records, work)


@pytest.fixture
def filled(records: Records) -> Records:
    fill(records)
    return records


def found(records: Records, text: str | None = None, order: str | None = None, **chosen: Any) -> list[str]:
    condition = parse(text) if text else None
    wanted = RunFilter(condition=condition, order=parse_order(order) if order else None, **chosen)
    return [run.id for run in records.read(lambda tx: tx.runs.page("w", wanted))[0]]


# What Python says of a run


def value_of(field: Field, run: Run, facts: Facts) -> Any:
    """The value of a field; None where the run has none."""
    if field.kind == "metrics":
        value = facts.get(field.name)
        return None if value is None or math.isnan(value) else value
    if field.kind == "duration":
        return (run.ended - run.started) / timedelta(seconds=1) if run.ended and run.started else None
    if field.kind in ("params", "tags", "properties"):
        labels: Any = run.parameters if field.kind == "params" else getattr(run, field.kind)
        return labels.get(field.name.lstrip("-") if field.kind == "params" else field.name)
    return run.parent_id if field.kind == "parent" else getattr(run, field.kind)


def has(field: Field, run: Run, facts: Facts) -> bool:
    return value_of(field, run, facts) is not None or (field.kind == "tags" and field.name in run.tags)


def number(text: str) -> float | None:
    try:
        read = float(text)
    except ValueError:
        return None
    return None if math.isnan(read) or "_" in text else read


def passes(condition: Condition, run: Run, facts: Facts) -> bool:
    if isinstance(condition, Not):
        return not passes(condition.condition, run, facts)
    if isinstance(condition, All):
        return all(passes(part, run, facts) for part in condition.conditions)
    if isinstance(condition, AnyOf):
        return any(passes(part, run, facts) for part in condition.conditions)
    if condition.operator == "null":
        return not has(condition.field, run, facts)
    value = value_of(condition.field, run, facts)
    return value is not None and any(compare(value, condition.operator, asked) for asked in condition.values)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, asked: value == asked,
    "in": lambda value, asked: value == asked,
    "!=": lambda value, asked: value != asked,
    "<": lambda value, asked: value < asked,
    "<=": lambda value, asked: value <= asked,
    ">": lambda value, asked: value > asked,
    ">=": lambda value, asked: value >= asked,
}


def compare(value: Any, operator: str, asked: Any) -> bool:
    if operator == "like":
        pieces = re.split(r"(\\.|%|_)", asked, flags=re.DOTALL)
        pattern = "".join({"%": ".*", "_": "."}.get(piece, re.escape(piece.removeprefix("\\"))) for piece in pieces)
        return re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL | re.ASCII) is not None
    if hasattr(value, "tzinfo"):
        asked = moment_of(asked)
    elif isinstance(value, str) and not isinstance(asked, str):
        read = number(value)
        if read is None:
            return operator == "!="
        value = read
    return COMPARE[operator](value, asked)


TABLE = (
    ("metrics.acc > 0.4", ["r4", "r3", "r2", "r1"]),
    ("metrics.acc >= 0.9 and tags.team = 'vision'", ["r3", "r1"]),
    ("metrics.acc in (0.5, 0.9)", ["r3", "r2", "r1"]),
    ("metrics.acc = 0.1", []),
    ("metrics.acc is null", ["r5", "r0"]),
    ("not metrics.acc > 0.4", ["r5", "r0"]),
    ('metrics."hard \'name"" " = 1', ["r3"]),
    ("params.kernel in ('linear', 'rbf') and not status = 'Failed'", ["r1"]),
    ("params.--kernel = 'rbf'", ["r1"]),
    ("params.C > 0.4", ["r2", "r1"]),
    ("params.C = 10", ["r2"]),
    ("params.C != 10", ["r4", "r3", "r1"]),
    ("params.C in (10, 'auto', -3)", ["r4", "r3", "r2"]),
    ("params.C < 'b'", ["r4", "r3", "r2", "r1"]),
    ("tags.best is not null", ["r1"]),
    ("tags.best = ''", []),
    ("tags.best != ''", []),
    ("tags.nope is null and id = 'r1'", ["r1"]),
    ("not tags.team = 'vision'", ["r5", "r4", "r2", "r0"]),
    ("tags.n > 5", ["r4", "r3"]),
    ("tags.n > '5'", ["r5", "r4"]),
    (f"tags.team = '{'x' * 500}'", ["r4"]),
    (f"tags.team in ('{'x' * 500}', 'text')", ["r4", "r2"]),
    (f"tags.team like '{'x' * 400}%y'", ["r5"]),
    ("properties.p = 'x'", ["r2"]),
    ("display_name like 'iris%'", ["r2", "r1"]),
    ("display_name like 'iris\\_%'", ["r2"]),
    ("display_name like '%0\\%'", ["r5"]),
    ("display_name not like '%iris%' and display_name not like 'calm%'", ["r5"]),
    ("started >= '2026-11-23T10:00:02.123457Z'", ["r4", "r3", "r2"]),
    ("started < '2026-11-23'", []),
    ("ended is null and started is not null", ["r4", "r3"]),
    ("duration > 5", ["r1"]),
    ("duration <= 2", ["r2"]),
    ("not duration > 5", ["r5", "r4", "r3", "r2", "r0"]),
    ("type is null", ["r3"]),
    ("target != 'local' or experiment = 'a'", ["r3", "r0"]),
    ("name = 'third'", ["r3"]),
    ("id in ()", []),
    ("parent is null and id > 'r3'", ["r5", "r4"]),
)


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_a_filter_finds_runs_newest_first(filled: Records, text: str, expected: list[str]) -> None:
    assert found(filled, text) == expected
    by_python = [run.id for run, _ in reversed(RUNS) if not run.parent_id and passes(parse(text), *BY_ID[run.id])]
    assert by_python == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("metrics.acc desc", ["r4", "r3", "r1", "r2", "r5", "r0"]),
        ("metrics.acc", ["r2", "r1", "r3", "r4", "r5", "r0"]),
        ("metrics.loss", ["r4", "r5", "r1", "r3", "r2", "r0"]),
        ("metrics.nope", ["r5", "r4", "r3", "r2", "r1", "r0"]),
        ("params.C", ["r4", "r1", "r2", "r3", "r5", "r0"]),
        ("params.C desc", ["r2", "r1", "r4", "r3", "r5", "r0"]),
        ("tags.n", ["r4", "r3", "r5", "r2", "r1", "r0"]),
        ("tags.best", ["r5", "r4", "r3", "r2", "r1", "r0"]),
        ("started", ["r1", "r2", "r3", "r4", "r5", "r0"]),
        ("started desc", ["r4", "r3", "r2", "r1", "r5", "r0"]),
        ("duration desc", ["r1", "r2", "r5", "r4", "r3", "r0"]),
        ("name", ["r3", "r5", "r4", "r2", "r1", "r0"]),
        ("id", ["r0", "r1", "r2", "r3", "r4", "r5"]),
    ],
)
def test_runs_without_the_value_come_last_in_either_order_on_every_page(
    filled: Records, order: str, expected: list[str]
) -> None:
    assert found(filled, None, order) == expected
    for limit in (1, 2, 4, 5):
        seen: list[str] = []
        cursor: int | None = None
        for _ in range(10):
            chosen = RunFilter(order=parse_order(order), limit=limit, before=cursor)
            page, cursor = filled.read(lambda tx, chosen=chosen: tx.runs.page("w", chosen))
            seen += [run.id for run in page]
            if cursor is None:
                break
        assert (limit, seen) == (limit, expected)


def test_pages_behind_the_last_are_empty(filled: Records) -> None:
    for order in ("metrics.acc", "params.C desc", "started"):
        chosen = RunFilter(order=parse_order(order), before=50)
        assert filled.read(lambda tx, chosen=chosen: tx.runs.page("w", chosen)) == ([], None)


def test_a_filter_of_the_field_that_orders_leaves_out_what_has_no_value(filled: Records) -> None:
    assert found(filled, "metrics.acc > 0.4 and status != 'Failed'", "metrics.acc desc") == ["r4", "r3", "r1"]
    assert found(filled, "metrics.acc is null", "metrics.acc") == ["r5", "r0"]
    assert found(filled, "metrics.acc < 0.6 or metrics.acc is null", "metrics.acc") == ["r2", "r5", "r0"]
    assert found(filled, "params.C > 0 and params.C < 10", "params.C") == ["r1"]
    assert found(filled, "params.C != 10", "params.C desc") == ["r1", "r4", "r3"]


def test_children_are_found_beside_the_roots_or_by_their_parent(filled: Records) -> None:
    assert found(filled, recursive=True) == ["c3", "c2", "c1", "r5", "r4", "r3", "r2", "r1", "r0"]
    assert found(filled, parent_id="r1") == ["c1"]
    assert found(filled, parent_id="r1", recursive=True) == ["c2", "c1"]
    assert found(filled, "metrics.acc > 0.9", "metrics.acc desc", parent_id="r1", recursive=True) == ["c2", "c1"]
    assert found(filled, "metrics.acc > 0.9", "metrics.acc", recursive=True) == ["c1", "c2", "r4"]
    assert found(filled, "parent = 'r2'", recursive=True) == ["c3"]
    assert found(filled, parent_id="nope", recursive=True) == []


def test_runs_are_found_by_type_tags_and_properties(filled: Records) -> None:
    assert found(filled, type="x", recursive=True) == ["c3"]
    assert found(filled, tags={"team": "vision"}) == ["r3", "r1"]
    assert found(filled, tags={"best": None}) == ["r1"]  # v1-behaviours 2.9
    assert found(filled, tags={"team": None, "n": None}) == ["r5", "r4", "r3"]
    assert found(filled, tags={"team": "vision", "n": "10"}) == ["r3"]
    assert found(filled, tags={"team": "x" * 500}) == ["r4"]
    assert found(filled, properties={"p": "x"}) == ["r2"]
    assert found(filled, properties={"p": "y"}) == []


def test_labels_that_change_are_found_as_they_are(filled: Records) -> None:
    run = filled.read(lambda tx: tx.runs.get("w", "r1"))
    changed = run._replace(tags={"team": "new"}, properties={"q": "1"}, parameters={"C": "7"})
    write(filled, lambda tx: tx.runs.save(changed))
    assert found(filled, "tags.team = 'vision'") == ["r3"]
    assert found(filled, "tags.best is not null") == []
    assert found(filled, "tags.team = 'new' and properties.q = '1' and params.C = 7") == ["r1"]
    assert found(filled, "params.kernel is not null") == ["r2"]


def test_runs_of_other_workspaces_are_never_found(filled: Records) -> None:
    write(filled, lambda tx: tx.workspaces.add(workspace("v", "second")))
    add_run(filled, "r9", workspace_id="v", tags={"team": "vision"}, parameters={"C": "0.6"})
    write(filled, lambda tx: tx.metrics.add("v", "r9", "j", 1, [Point("acc", SCALAR, 0.91, None, 1.0)]))
    for order in (None, "metrics.acc", "params.C", "id"):
        assert "r9" not in found(filled, "tags.team = 'vision'", order)
        assert "r9" not in found(filled, "metrics.acc > 0", order)
        assert "r9" not in found(filled, None, order, parent_id="r1", recursive=True)


def test_a_range_that_most_runs_lie_in_is_found_as_well(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amlet.store.search._LONG_LIST", 1)
    fill(records)
    for text, expected in TABLE:
        assert (text, found(records, text)) == (text, expected)
    assert found(records, "params.C > -5 and metrics.acc > 0", "metrics.acc desc") == ["r4", "r1", "r2"]
    assert found(records, "params.C > -5 and metrics.acc > 0", "metrics.loss") == ["r4", "r1", "r2"]
    assert found(records, "params.C > -5 and tags.n > 1", "params.C") == ["r4"]


NAMES = st.sampled_from(["acc", "loss", "team", "best", "n", "C", "kernel", "p", "nope"])
NUMBERS = st.sampled_from([0.5, 0.9, 10, -3, 0, math.inf])
TEXTS = st.sampled_from(["vision", "text", "x" * 500, "10", "", "r2", "iris%", "a", "rbf", "%_\\%%"])
ORDERED = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
METRIC = st.builds(Field, st.just("metrics"), NAMES)
LABEL = st.builds(Field, st.sampled_from(["params", "tags", "properties"]), NAMES)
PLAIN = st.sampled_from(["id", "name", "display_name", "experiment", "type", "target", "parent"]).map(Field)
MOMENTS = st.sampled_from([0, 1, 2, 11, 90]).map(lambda seconds: later(seconds).isoformat())
COMPARISONS = st.one_of(
    st.builds(Comparison, METRIC, ORDERED, st.tuples(NUMBERS)),
    st.builds(Comparison, METRIC, st.just("in"), st.lists(NUMBERS, max_size=3).map(tuple)),
    st.builds(Comparison, LABEL, ORDERED, st.tuples(st.one_of(TEXTS, NUMBERS))),
    st.builds(Comparison, LABEL, st.just("in"), st.lists(st.one_of(TEXTS, NUMBERS), max_size=3).map(tuple)),
    st.builds(Comparison, st.one_of(LABEL, PLAIN), st.just("like"), st.tuples(TEXTS)),
    st.builds(Comparison, PLAIN, ORDERED, st.tuples(TEXTS)),
    st.builds(Comparison, st.sampled_from(["created", "started", "ended"]).map(Field), ORDERED, st.tuples(MOMENTS)),
    st.builds(Comparison, st.just(Field("duration")), ORDERED, st.tuples(st.sampled_from([2, 10.0, 5]))),
    st.builds(Comparison, st.one_of(METRIC, LABEL, PLAIN), st.just("null"), st.just(())),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=5,
)
ORDERS = st.builds(Order, st.one_of(METRIC, LABEL, PLAIN, st.just(Field("started"))), st.booleans())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=CONDITIONS, order=st.one_of(st.none(), ORDERS))
def test_any_filter_finds_what_python_finds(records: Records, condition: Condition, order: Order | None) -> None:
    if records.read(lambda tx: tx.runs.find("w", "r0")) is None:
        fill(records)
    expected = {run.id for run, _ in RUNS if passes(condition, *BY_ID[run.id])}
    ids = found(records, unparse(condition), unparse_order(order) if order else None, recursive=True)
    assert set(ids) == expected
    assert len(ids) == len(expected)
    if order is not None:
        values = [value_of(order.field, *BY_ID[run_id]) for run_id in ids]
        lacking = [value is None for value in values]
        assert lacking == sorted(lacking)
        present = [value for value in values if value is not None]
        if order.field.kind not in ("params", "tags", "properties"):
            assert present == sorted(present, reverse=order.descending)


# What users write reaches the database as bound parameters alone

INJECTIONS = (
    *(text for text in HARD_TEXTS if len(text) < 200),
    "' OR '1'='1",
    "'; DROP TABLE runs; --",
    "x') UNION SELECT name FROM sqlite_master --",
    '" OR ""="',
    "\\'; DELETE FROM metrics; --",
    "1; ATTACH DATABASE 'x' AS y",
    ":its_id ?1 %(a)s {b} $c @d",
    "__[POSTCOMPILE_asked] ~~",
    "\ud83d lone \x00 nul",
    "/* a */ -- b",
)
SHAPES: tuple[Callable[[str], RunFilter], ...] = (
    lambda text: RunFilter(condition=Comparison(Field("metrics", text), ">", (0.5,))),
    lambda text: RunFilter(condition=Comparison(Field("metrics", text), "null", ())),
    lambda text: RunFilter(condition=Comparison(Field("params", text), "=", (text,))),
    lambda text: RunFilter(condition=Comparison(Field("params", text), ">", (1,))),
    lambda text: RunFilter(condition=Comparison(Field("tags", text), "in", (text, text + "x", 5))),
    lambda text: RunFilter(condition=Comparison(Field("tags", text), "<", (text,))),
    lambda text: RunFilter(condition=Not(Comparison(Field("properties", text), "like", (text,)))),
    lambda text: RunFilter(condition=AnyOf([Comparison(Field("id"), "=", (text,)), parse("id = 'r1'")])),
    lambda text: RunFilter(condition=Comparison(Field("display_name"), "like", (text,))),
    lambda text: RunFilter(condition=Comparison(Field("status"), "!=", (text,))),
    lambda text: RunFilter(order=Order(Field("metrics", text), True)),
    lambda text: RunFilter(order=Order(Field("params", text))),
    lambda text: RunFilter(tags={text: text}, properties={text: None}),
    lambda text: RunFilter(experiment=text, status=text, type=text),
    lambda text: RunFilter(parent_id=text, recursive=True),
)


@contextmanager
def heard() -> Iterator[list[str]]:
    """All statements that go to a database."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_statements_are_the_same_whatever_users_write(filled: Records, shape: int) -> None:
    def searched(text: str) -> list[str]:
        with heard() as statements:
            filled.read(lambda tx: tx.runs.page("w", SHAPES[shape](text)))
        # The rows of a page are read by their numbers, of which there may be more or fewer.
        return [said for said in statements if said.startswith(("SELECT", "WITH")) and "runs.stages" not in said]

    plain = searched("plain")
    assert plain
    assert not any("plain" in statement for statement in plain)
    for text in INJECTIONS:
        assert searched(text) == plain
    assert len(found(filled, recursive=True)) == len(RUNS)


@pytest.mark.parametrize("text", INJECTIONS)
def test_hard_texts_are_found_as_they_were_written(records: Records, text: str) -> None:
    add_run(records, "r1", tags={text: text}, parameters={"C": text}, properties={text: "1"})
    add_run(records, "r2", tags={"a": "b"}, parameters={"C": "1"})
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1, [Point(text, SCALAR, 1.0, None, 1.0)]))
    for condition in (
        Comparison(Field("tags", text), "=", (text,)),
        Comparison(Field("params", "C"), "in", (text, "other")),
        Comparison(Field("properties", text), "=", (1,)),
        Comparison(Field("metrics", text), ">", (0.5,)),
    ):
        assert parse(unparse(condition)) == condition
        assert found(records, unparse(condition)) == ["r1"]
    assert found(records, tags={text: text}) == ["r1"]
    assert found(records, None, unparse_order(Order(Field("metrics", text)))) == ["r1", "r2"]


def test_the_largest_filters_that_are_read_are_answered(filled: Records) -> None:
    deep = "(" * 20 + "not " * 20 + "id = 'r1'" + ")" * 20
    assert found(filled, deep) == ["r1"]
    many = " or ".join(f"tags.t{n} = 'x' and params.p{n} > 5" for n in range(49)) + " or id = 'r1'"
    assert found(filled, many) == ["r1"]
    values = ", ".join(f"'{n}'" for n in range(499))
    assert found(filled, f"id in ({values}, 'r2')", "metrics.acc") == ["r2"]
    with pytest.raises(InvalidInput):
        parse(f"id in ({values}, 'a', 'b')")


def test_runs_are_found_by_when_they_were_made(filled: Records) -> None:
    day = NOW.strftime("%Y-%m-%d")
    assert found(filled, f"created > '{day}' and created <= '{later(8).isoformat()}'", recursive=True)[:3] == [
        "c3",
        "c2",
        "c1",
    ]
    assert found(filled, f"created > '{later(0).isoformat()}'", recursive=True) == ["c1"]
