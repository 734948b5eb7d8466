"""Sweeps, their trials and what policies decided, as every database keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.base.errors import Conflict, NotFound
from amlet.domain.metric import SCALAR, Point
from amlet.domain.run import CANCELED, COMPLETED, RUNNING
from amlet.domain.sweep import MAXIMIZE, RANDOM, Decision, Objective, Sampling, SweepSpec, SweepState, Trial
from amlet.store.base import Records, SweepRecord, TrialOrder
from support.records import HARD_TEXTS, later, run_of, write

SPEC = SweepSpec(Sampling(RANDOM, {"x": ["uniform", [0, 1]]}), [Objective("a", MAXIMIZE)], 9, 2)


def sweep(records: Records, run_id: str = "HD", **trials: Any) -> SweepRecord:
    """A sweep with trials, by their ids: what each is of its run, and the values that it logged."""
    record = SweepRecord("w", run_id, SPEC, SweepState(drawn=len(trials)), is_open=True, parts=2)

    def work(tx: Any) -> None:
        tx.runs.add(run_of(run_id, status=RUNNING), None, "")
        tx.sweeps.save(record)
        for number, (name, told) in enumerate(trials.items()):
            changes, logged = dict(told), told.get("logged", {})
            changes.pop("logged", None)
            tx.runs.add(run_of(name, parent_id=run_id, **changes), None, "")
            tx.sweeps.add_trial("w", run_id, Trial(number, name, {"x": number}))
            points = [Point(metric, SCALAR, value, None, 0.0) for metric, values in logged.items() for value in values]
            tx.metrics.add("w", name, "j", 1, points)

    write(records, work)
    return record


def test_a_sweep_comes_back_with_how_its_run_stands(records: Records) -> None:
    made = sweep(records)
    found = records.read(lambda tx: tx.sweeps.find("w", "HD"))
    assert found == made._replace(status=RUNNING, began=run_of("HD").created)
    write(records, lambda tx: tx.sweeps.save_state(made._replace(state=SweepState(drawn=7), is_open=False)))
    found = records.read(lambda tx: tx.sweeps.find("w", "HD"))
    assert (found.state.drawn, found.is_open, found.spec, found.parts) == (7, False, SPEC, 2)
    write(records, lambda tx: tx.runs.add(run_of("other"), None, ""))
    assert records.read(lambda tx: tx.sweeps.find("w", "other")) is None
    with pytest.raises(NotFound):
        records.read(lambda tx: tx.sweeps.find("w", "nothing"))


def test_open_sweeps_are_told_oldest_first(records: Records) -> None:
    for name in ("b", "a", "c"):
        sweep(records, name)
    over = SweepRecord("w", "a", SPEC, SweepState(), is_open=False)
    write(records, lambda tx: tx.sweeps.save_state(over))
    assert records.read(lambda tx: tx.sweeps.open()) == [("w", "b"), ("w", "c")]


def test_a_look_tells_of_trials_what_their_runs_say_and_the_metrics_asked_for(records: Records) -> None:
    sweep(
        records,
        one={"status": COMPLETED, "attempt": 2, "started": later(1), "ended": later(3), "logged": {"a": [1.0, 0.5]}},
        two={"status": RUNNING, "logged": {"b": [2.0], "a": [3.0], "c": [4.0]}},
        three={},
    )
    write(records, lambda tx: tx.sweeps.save_trial("w", "HD", Trial(0, "one", {}, is_open=False, judged=2, attempt=2)))
    looks = records.read(lambda tx: tx.sweeps.look("w", "HD", ["a", "b"], [2, 0, 1, 99]))
    assert [look.trial.run_id for look in looks] == ["one", "two", "three"]
    first = looks[0]
    assert (first.status, first.attempt, first.started, first.ended) == (COMPLETED, 2, later(1), later(3))
    assert first.trial == Trial(0, "one", {"x": 0}, is_open=False, judged=2, attempt=2)
    assert (first.logged["a"].points, first.logged["a"].max) == (2, 1.0)
    assert [sorted(look.logged) for look in looks] == [["a"], ["a", "b"], []]
    opened = records.read(lambda tx: tx.sweeps.look("w", "HD", ["a"]))
    assert [look.trial.run_id for look in opened] == ["two", "three"]
    write(records, lambda tx: tx.runs.delete("w", "three"))
    assert records.read(lambda tx: tx.sweeps.look("w", "HD", ["a"], [2]))[0].status is None


def test_more_trials_than_fit_in_one_query_are_looked_at(records: Records) -> None:
    sweep(records, **{f"t{number}": {} for number in range(1001)})
    looks = records.read(lambda tx: tx.sweeps.look("w", "HD", ["a"], range(1001)))
    assert [look.trial.number for look in looks] == list(range(1001))


def test_trials_are_ordered_by_what_their_runs_say(records: Records) -> None:
    hard = HARD_TEXTS[1]
    sweep(
        records,
        t0={"status": COMPLETED, "started": later(0), "ended": later(9), "logged": {hard: [5.0, 1.0]}},
        t1={"status": RUNNING, "started": later(0), "logged": {hard: [3.0, 2.0]}, "parameters": {"x": "10"}},
        t2={"status": COMPLETED, "started": later(5), "ended": later(6), "parameters": {"x": "text"}},
        t3={"status": CANCELED, "logged": {hard: [float("nan")]}, "parameters": {"x": "9"}},
        t4={"status": COMPLETED, "logged": {hard: [3.0]}},
    )

    def order(by: str, name: str = "", *, descending: bool = False, limit: int = 9, skip: int = 0, **more: Any) -> Any:
        chosen = TrialOrder(by, name, descending=descending, **more)
        return records.read(lambda tx: tx.sweeps.page("w", "HD", chosen, limit, skip))

    assert order("number", descending=True) == [4, 3, 2, 1, 0]
    assert order("metrics", hard) == [1, 4, 0, 2, 3]
    assert order("metrics", hard, descending=True) == [0, 1, 4, 2, 3]
    assert order("metrics", hard, is_min=True) == [0, 1, 4, 2, 3]
    assert order("metrics", "unknown") == [0, 1, 2, 3, 4]
    assert order("params", "--x") == [3, 1, 2, 0, 4]
    assert order("params", "x", descending=True) == [1, 3, 2, 0, 4]
    assert order("duration") == [2, 0, 1, 3, 4]
    assert order("status") == [3, 0, 2, 4, 1]
    assert order("number", status=COMPLETED, limit=2, skip=1) == [2, 4]
    assert records.read(lambda tx: tx.sweeps.statuses("w", "HD")) == {COMPLETED: 3, RUNNING: 1, CANCELED: 1}


def test_a_trials_number_is_given_once(records: Records) -> None:
    sweep(records, one={})
    with pytest.raises(Conflict, match="a trial 0 already"):
        write(records, lambda tx: tx.sweeps.add_trial("w", "HD", Trial(0, "again", {})))


def test_decisions_come_in_pages_from_the_last_and_the_first_of_a_report_stays(records: Records) -> None:
    sweep(records, one={}, two={})

    def decision(trial: str, report: int, attempt: int = 1, why: str = HARD_TEXTS[0]) -> Decision:
        return Decision(trial, report, 0.5, None, False, why, later(report), attempt)

    made = [decision("one", 1), decision("one", 2), decision("two", 3), decision("one", 4), decision("one", 4, 2)]
    write(records, lambda tx: tx.sweeps.decide("w", "HD", made))
    write(records, lambda tx: tx.sweeps.decide("w", "HD", [decision("one", 1, why="late")]))

    def page(trial: str | None, limit: int, skip: int = 0) -> list[Decision]:
        return records.read(lambda tx: tx.sweeps.decisions("w", "HD", trial, limit, skip))

    assert page(None, 9) == made
    assert page("one", 2) == made[3:]
    assert page("one", 2, 1) == [made[1], made[3]]
    assert page(None, 3, 4) == made[:1]
