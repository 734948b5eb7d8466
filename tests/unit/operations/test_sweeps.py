"""Sweeps from submission to their end, on a real database, with trials and a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import Conflict, InvalidInput
from amlet.base.variables import own_environment
from amlet.domain import run as runs
from amlet.domain.metric import SCALAR, Point
from amlet.domain.run import Run, RunError
from amlet.domain.sweep import (
    BANDIT,
    GRID,
    MAXIMIZE,
    MINIMIZE,
    RANDOM,
    Objective,
    Policy,
    Sampling,
    SweepSpec,
    SweepState,
)
from amlet.operations.cancel import cancel
from amlet.operations.retry import try_again
from amlet.operations.settle import settle
from amlet.operations.show_sweep import sweep_decisions, sweep_details, sweep_trials
from amlet.operations.submit_sweep import extend_sweep, find_sweep, resume_sweep, submit_sweep
from amlet.operations.sweep_step import SWEEP_LOG
from amlet.operations.sweep_watch import BEST_CHILD
from amlet.operations.sweeper import Sweeper
from amlet.operations.transitions import SWEEPS, move
from amlet.store.database import Database
from amlet.sweeps.model_based import ModelBased
from amlet.wire.nodes import SettleAttempt
from amlet.wire.sweeps import DecisionQuery, SubmitSweep, SweepDetails, TrialQuery
from support.world import World

SPACE: dict[str, Any] = {"C": ["loguniform", [-3, 3]], "--kernel": ["choice", [["rbf", "linear"]]]}


def spec_of(**changes: Any) -> SweepSpec:
    sampling = Sampling(changes.pop("method", RANDOM), changes.pop("space", SPACE), changes.pop("seed", 1))
    goal = changes.pop("goal", MAXIMIZE)
    return SweepSpec(sampling, [Objective("accuracy", goal)], 6, 2)._replace(**changes)


class Sweeps:
    """A world with a sweeper. Trials are what the test makes of them."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.logs = LogFolder(folder / "logs")
        self.folder = folder
        self.sweeper = self.restarted()

    def restarted(self) -> Sweeper:
        """A sweeper that knows nothing but the records."""
        model = ModelBased(self.folder, lambda _method: own_environment())
        self.sweeper = Sweeper(self.world.records, self.logs, model, lambda _tx: self.world.ready)
        return self.sweeper

    def submit(self, **changes: Any) -> str:
        world = self.world
        told = world.submission(submission_id=f"sweep-{world.now.timestamp()}")
        told = told._replace(job=told.job._replace(retries=changes.pop("retries", 0)))
        asked = SubmitSweep(told, spec_of(**changes))
        run = world.do(lambda tx: submit_sweep(tx, world.workspace_id, asked, world.now)).run
        assert run is not None
        world.later(1)
        return run.id

    def step(self) -> None:
        """Passes until there is nothing to do."""
        while self.sweeper.pass_over(self.world.now):
            pass

    def trials(self, sweep: str, *statuses: str) -> list[Run]:
        found = self.world.look(lambda tx: tx.runs.children(self.world.workspace_id, sweep))
        return [run for run in found if not statuses or run.status in statuses]

    def start(self, run: Run) -> Run:
        world = self.world

        def work(tx: Any) -> Run:
            begun = tx.runs.get(world.workspace_id, run.id)
            return move(tx, begun._replace(attempt=begun.attempt + 1), runs.RUNNING, world.now)

        return world.do(work)

    def report(self, run: Run, *values: float, name: str = "accuracy", before: int = 0) -> None:
        points = [Point(name, SCALAR, value, None, 0.0) for value in values]
        end = before + len(points)
        self.world.do(lambda tx: tx.metrics.add(self.world.workspace_id, run.id, "j", end, points))

    def finish(self, run: Run, outcome: str = runs.COMPLETED, error: str = "") -> None:
        world = self.world
        told = RunError("UserError", error) if outcome == runs.FAILED else None
        code = 0 if outcome == runs.COMPLETED else 1
        attempt = world.run(run.id).attempt
        asked = SettleAttempt(attempt, outcome, code, told, [], [])
        world.do(lambda tx: settle(tx, world.workspace_id, run.id, asked, world.now))
        world.later(1)

    def run_all(self, sweep: str, outcome: Callable[[Run], float | None]) -> None:
        """Run every trial to its end; None fails it."""
        self.step()
        while queued := self.trials(sweep, runs.QUEUED):
            run = self.start(queued[0])
            value = outcome(run)
            if value is not None:
                self.report(run, value)
            self.finish(run, runs.COMPLETED if value is not None else runs.FAILED, "ValueError: no")
            self.step()

    def details(self, sweep: str) -> SweepDetails:
        return self.world.look(lambda tx: sweep_details(tx, self.world.workspace_id, sweep))


@pytest.fixture
def sweeps(world: World, tmp_path: Path):
    made = Sweeps(world, tmp_path)
    yield made
    made.sweeper.close()


def accuracy(run: Run) -> float:
    return 1 / (1 + abs(float(run.parameters["C"]) - 1))


def test_a_sweep_runs_all_its_trials_and_names_the_best(sweeps: Sweeps):
    sweep = sweeps.submit()
    parent = sweeps.world.run(sweep)
    assert (parent.type, parent.status) == ("hyperdrive", runs.RUNNING)
    assert sweep.startswith("HD_")  # v1-behaviours 12.14
    sweeps.run_all(sweep, accuracy)

    told = sweeps.details(sweep)
    trials = sweeps.trials(sweep)
    best = max(trials, key=accuracy)
    assert told.run.status == runs.COMPLETED
    assert told.statuses == {runs.COMPLETED: 6}
    assert told.best is not None
    assert told.best.trial.run_id == best.id
    # v1-behaviours 12.14
    assert [run.id for run in trials] == [f"{sweep}_{number}" for number in range(6)]
    assert told.run.properties["best_child_run_id"] == best.id
    assert float(told.run.properties["score"]) == accuracy(best)
    assert told.run.properties["runTemplate"] == "HyperDrive"
    assert told.run.tags["max_total_jobs"] == told.run.tags["_aml_system_max_total_jobs"] == "6"
    platform = json.loads(told.run.tags["platform_config"] or "")
    assert platform == {"script": "train.py", "target": "local", "arguments": ["--a", "1"]}


def test_sampled_arguments_come_after_the_configured_ones(sweeps: Sweeps):
    # v1-behaviours 0.4, 12.6
    sweep = sweeps.submit()
    sweeps.step()
    run = sweeps.trials(sweep)[0]
    job = sweeps.world.look(lambda tx: tx.runs.job(run.workspace_id, run.id))
    told = sweeps.world.look(lambda tx: sweep_trials(tx, run.workspace_id, sweep, TrialQuery())).trials[0]
    drawn = told.trial.parameters
    assert job.arguments == ["--a", "1", "--C", str(drawn["C"]), "--kernel", drawn["--kernel"]]
    assert job.definition["arguments"] == job.arguments


def test_no_more_than_asked_for_go_on_at_a_time(sweeps: Sweeps):
    sweep = sweeps.submit(max_concurrent_runs=3)
    sweeps.step()
    assert len(sweeps.trials(sweep)) == 3
    sweeps.step()
    assert len(sweeps.trials(sweep)) == 3
    sweeps.finish(sweeps.start(sweeps.trials(sweep)[0]))
    sweeps.step()
    assert len(sweeps.trials(sweep)) == 4


def test_a_restart_after_every_step_draws_the_same_trials_once_each(sweeps: Sweeps):
    def drawn(sweep: str) -> list[str]:
        return [run.tags["hyperparameters"] or "" for run in sweeps.trials(sweep)]

    plain = sweeps.submit()
    sweeps.run_all(plain, accuracy)
    broken = sweeps.submit()
    while sweeps.details(broken).run.status != runs.COMPLETED:
        sweeps.restarted().pass_over(sweeps.world.now)
        for run in sweeps.trials(broken, runs.QUEUED)[:1]:
            sweeps.restarted().pass_over(sweeps.world.now)
            sweeps.finish(sweeps.start(run))
    assert drawn(broken) == drawn(plain)
    assert len(set(drawn(plain))) == 6


def test_a_space_with_fewer_points_has_fewer_trials(sweeps: Sweeps):
    # v1-behaviours 12.4
    space = {"a": ["choice", [[1, 2]]], "b": ["choice", [["x"]]]}
    for method in (GRID, RANDOM):
        sweep = sweeps.submit(method=method, space=space)
        sweeps.run_all(sweep, lambda _: 0.5)
        assert [run.parameters["a"] for run in sweeps.trials(sweep)] in (["1", "2"], ["2", "1"])
        assert sweeps.details(sweep).run.status == runs.COMPLETED


def test_failed_trials_do_not_end_a_sweep(sweeps: Sweeps):
    sweep = sweeps.submit(max_total_runs=14)
    sweeps.run_all(sweep, lambda run: None if int(run.id.rpartition("_")[2]) < 9 else 0.5)
    told = sweeps.details(sweep)
    assert told.statuses == {runs.FAILED: 9, runs.COMPLETED: 5}
    assert told.run.status == runs.COMPLETED


def test_a_sweep_whose_first_ten_trials_failed_ends_with_their_common_error(sweeps: Sweeps):
    sweep = sweeps.submit(max_total_runs=40)
    sweeps.run_all(sweep, lambda _: None)
    told = sweeps.details(sweep)
    assert len(sweeps.trials(sweep)) <= 12
    assert told.run.status == runs.FAILED
    assert told.run.error is not None
    assert "first 10 trials all failed: ValueError: no" in told.run.error.message


def test_the_first_trial_without_the_metric_is_warned_of_with_the_nearest_name(sweeps: Sweeps):
    # complaints 23 to 25
    sweep = sweeps.submit(max_total_runs=3)
    sweeps.step()
    for run in sweeps.trials(sweep, runs.QUEUED):
        sweeps.report(sweeps.start(run), 0.5, name="Accuracy")
        sweeps.finish(run)
        sweeps.step()
    warnings = [warning.message for warning in sweeps.world.run(sweep).warnings]
    assert len(warnings) == 1
    assert "'accuracy'" in warnings[0]
    assert 'did you mean "Accuracy"' in warnings[0]
    assert sweeps.details(sweep).best is None


def test_a_policy_ends_a_trial_and_says_why(sweeps: Sweeps):
    # v1-behaviours 12.9
    sweep = sweeps.submit(policy=Policy(BANDIT, slack_factor=0.1))
    sweeps.step()
    good, bad = (sweeps.start(run) for run in sweeps.trials(sweep))
    sweeps.report(good, 0.9, 0.95)
    sweeps.step()
    sweeps.report(bad, 0.85)
    sweeps.step()
    assert sweeps.world.run(bad.id).status == runs.RUNNING
    sweeps.report(bad, 0.8, before=1)
    sweeps.restarted()  # what it had ruled on is read from the records
    sweeps.step()
    told = sweeps.world.look(lambda tx: sweep_decisions(tx, bad.workspace_id, sweep, DecisionQuery(bad.id)).decisions)
    assert [(one.report, one.ends) for one in told] == [(1, False), (2, True)]
    assert told[1].value == 0.85
    assert told[1].bound == pytest.approx(0.95 / 1.1)
    assert sweeps.world.run(bad.id).status in (runs.CANCEL_REQUESTED, runs.CANCELED)
    trial = sweeps.world.look(lambda tx: tx.sweeps.trials(bad.workspace_id, sweep))[1]
    assert trial.stopped_by == BANDIT


def test_a_trial_that_came_to_its_end_before_the_ruling_was_not_ended_by_the_policy(sweeps: Sweeps):
    sweep = sweeps.submit(policy=Policy(BANDIT, slack_factor=0.1))
    sweeps.step()
    good, bad = (sweeps.start(run) for run in sweeps.trials(sweep))
    sweeps.report(good, 0.9)
    sweeps.report(bad, 0.5)
    sweeps.world.do(lambda tx: move(tx, tx.runs.get(bad.workspace_id, bad.id), runs.FINALIZING, sweeps.world.now))
    sweeps.step()
    sweeps.finish(bad)
    sweeps.step()
    trial = sweeps.world.look(lambda tx: tx.sweeps.trials(bad.workspace_id, sweep))[1]
    assert (sweeps.world.run(bad.id).status, trial.stopped_by) == (runs.COMPLETED, None)


def test_the_best_so_far_is_a_table_of_the_sweep(sweeps: Sweeps):
    # v1-behaviours 12.15
    sweep = sweeps.submit(goal=MINIMIZE, max_total_runs=4)
    values = iter([0.5, 0.7, 0.2, 0.4])
    sweeps.run_all(sweep, lambda _: next(values))
    points = sweeps.world.look(lambda tx: tx.metrics.points(sweeps.world.workspace_id, sweep))[BEST_CHILD]
    assert [point.value["metric_value"] for point in points] == [0.5, 0.2]
    assert points[-1].value["run_id"] == f"{sweep}_2"


def test_several_objectives_have_a_front(sweeps: Sweeps):
    goals = [Objective("accuracy", MAXIMIZE), Objective("latency", MINIMIZE)]
    sweep = sweeps.submit(objectives=goals, max_total_runs=6, max_concurrent_runs=6)
    sweeps.step()
    # The last has no latency: it is no point of a front, though it is the best by the primary metric.
    for values in ((0.9, 5.0), (0.8, 2.0), (0.7, 3.0), (0.8, 2.0), (0.6, 1.0), (0.95, None)):
        run = sweeps.start(sweeps.trials(sweep, runs.QUEUED)[0])
        points = [
            Point(goal.metric, SCALAR, value, None, 0.0) for goal, value in zip(goals, values, strict=True) if value
        ]
        sweeps.world.do(lambda tx, run=run, points=points: tx.metrics.add(run.workspace_id, run.id, "j", 9, points))
        sweeps.finish(run)
    sweeps.step()
    told = sweeps.details(sweep)
    assert [one.trial.number for one in told.front] == [0, 1, 3, 4]
    assert told.best is not None
    assert told.best.trial.number == 5
    assert told.run.properties["best_child_run_id"] == f"{sweep}_5"


def test_cancelling_a_sweep_cancels_its_trials(sweeps: Sweeps):
    # v1-behaviours 12.19
    sweep = sweeps.submit()
    sweeps.step()
    running = sweeps.start(sweeps.trials(sweep)[0])
    sweeps.world.do(lambda tx: cancel(tx, running.workspace_id, sweep, sweeps.world.now))
    sweeps.step()
    assert sweeps.details(sweep).statuses == {runs.CANCELED: 2}
    assert sweeps.world.run(sweep).status == runs.CANCELED
    assert sweeps.world.look(lambda tx: tx.sweeps.open()) == []


def test_a_sweep_that_takes_too_long_ends_with_what_it_has(sweeps: Sweeps):
    sweep = sweeps.submit(max_duration_s=60)
    sweeps.step()
    first = sweeps.start(sweeps.trials(sweep)[0])
    sweeps.report(first, 0.5)
    sweeps.finish(first)
    sweeps.step()
    sweeps.world.later(100)
    sweeps.step()
    told = sweeps.details(sweep)
    assert told.run.status == runs.COMPLETED
    assert told.statuses == {runs.COMPLETED: 1, runs.CANCELED: 2}
    assert "max_duration_minutes=1" in told.run.warnings[-1].message


def test_a_cancelled_sweep_is_resumed_with_exactly_the_missing_trials(sweeps: Sweeps):
    sweep = sweeps.submit()
    sweeps.step()
    done = sweeps.start(sweeps.trials(sweep)[0])
    sweeps.report(done, 0.5)
    sweeps.finish(done)
    sweeps.step()
    with pytest.raises(Conflict, match="goes on"):
        sweeps.world.do(lambda tx: resume_sweep(tx, done.workspace_id, sweep, sweeps.world.now))
    sweeps.world.do(lambda tx: cancel(tx, done.workspace_id, sweep, sweeps.world.now))
    sweeps.step()
    sweeps.world.do(lambda tx: resume_sweep(tx, done.workspace_id, sweep, sweeps.world.now))
    sweeps.run_all(sweep, accuracy)
    told = sweeps.details(sweep)
    assert told.statuses == {runs.COMPLETED: 6}
    assert told.run.status == runs.COMPLETED
    assert told.state == SweepState(6, 6, 0, best_run=told.state.best_run, best_value=told.state.best_value,
                                    logged=told.state.logged)  # fmt: skip
    assert len({run.tags["hyperparameters"] for run in sweeps.trials(sweep)}) == 6


def test_a_sweep_that_is_over_is_extended(sweeps: Sweeps):
    sweep = sweeps.submit(max_total_runs=2)
    sweeps.run_all(sweep, accuracy)
    assert sweeps.world.run(sweep).status == runs.COMPLETED
    sweeps.world.do(lambda tx: extend_sweep(tx, sweeps.world.workspace_id, sweep, 3, sweeps.world.now))
    sweeps.run_all(sweep, accuracy)
    assert sweeps.details(sweep).statuses == {runs.COMPLETED: 5}
    for count in (0, 1000):
        with pytest.raises(InvalidInput, match="cannot be given"):
            sweeps.world.do(lambda tx, count=count: extend_sweep(tx, sweeps.world.workspace_id, sweep, count, tx))


def test_a_sweep_goes_on_from_others_without_trying_a_point_twice(sweeps: Sweeps):
    # v1-behaviours 12.21
    space = {"a": ["choice", [[1, 2, 3, 4]]]}
    first = sweeps.submit(space=space, max_total_runs=2)
    sweeps.run_all(first, lambda _: 0.5)
    second = sweeps.submit(space=space, resume_from=[first])
    sweeps.run_all(second, lambda _: 0.5)
    tried = [[run.parameters["a"] for run in sweeps.trials(sweep)] for sweep in (first, second)]
    assert sorted(tried[0] + tried[1]) == ["1", "2", "3", "4"]


def test_trials_are_gone_on_with(sweeps: Sweeps):
    # v1-behaviours 12.21
    first = sweeps.submit(max_total_runs=2)
    sweeps.run_all(first, accuracy)
    second = sweeps.submit(max_total_runs=2, resume_child_runs=[f"{first}_1"])
    sweeps.run_all(second, accuracy)
    again = sweeps.trials(second)[0]
    assert again.tags["hyperparameters"] == sweeps.world.run(f"{first}_1").tags["hyperparameters"]
    job = sweeps.world.look(lambda tx: tx.runs.job(again.workspace_id, again.id))
    assert job.arguments[2:4] == ["--resume-from", f"amlet-resumed/{first}_1/outputs"]


def test_every_fault_is_told_at_once_and_nothing_is_recorded(sweeps: Sweeps):
    with pytest.raises(InvalidInput) as caught:
        sweeps.submit(space={"C": ["unifrm", [0, 1]]}, max_total_runs=0, policy=Policy(BANDIT), max_concurrent_runs=0)
    fields = {fault.path for fault in caught.value.fields}
    assert fields == {"parameter_space['C']", "max_total_runs", "policy", "max_concurrent_runs"}
    assert sweeps.world.look(lambda tx: tx.sweeps.open()) == []


def test_trials_are_ordered_by_metric_and_parameter(sweeps: Sweeps):
    sweep = sweeps.submit()
    sweeps.run_all(sweep, accuracy)

    def page(**asked: Any) -> list[Any]:
        found = sweeps.world.look(lambda tx: sweep_trials(tx, sweeps.world.workspace_id, sweep, TrialQuery(**asked)))
        assert found.total == 6
        return found.trials

    best = [one.best[0] for one in page(order="metric", descending=True)]
    assert best == sorted(best, reverse=True)
    values = [one.trial.parameters["C"] for one in page(order="params.C", limit=3)]
    assert values == sorted(values)
    assert len(values) == 3
    assert page(order="params.C", limit=3, offset=3)[0].trial.parameters["C"] > values[-1]
    kernels = [one.trial.parameters["--kernel"] for one in page(order="params.--kernel", descending=True)]
    assert kernels == sorted(kernels, reverse=True)
    with pytest.raises(InvalidInput, match="number, status"):
        page(order="nothing")


def test_the_log_is_in_v1s_form(sweeps: Sweeps):
    # v1-behaviours 12.20
    sweep = sweeps.submit(max_total_runs=2)
    sweeps.run_all(sweep, accuracy)
    record = sweeps.world.look(lambda tx: tx.files.find(sweeps.world.workspace_id, sweep, SWEEP_LOG))
    assert record is not None
    assert record.log is not None
    lines = sweeps.logs.read(record.log, 0, record.size_bytes).decode().splitlines()
    assert all(line.startswith("<START>[") and line.endswith("<END>") for line in lines)
    told = [line.partition("][")[2] for line in lines]
    assert told[:5] == [
        "API][INFO]Experiment created<END>",
        "GENERATOR][INFO]Trying to sample '2' jobs from the hyperparameter space<END>",
        "GENERATOR][INFO]Successfully sampled '2' jobs, they are queued now.<END>",
        f"SCHEDULER][INFO]Scheduling job, id='{sweep}_0'<END>",
        f"SCHEDULER][INFO]Scheduling job, id='{sweep}_1'<END>",
    ]
    assert told[-1].startswith("CONTROLLER][INFO]The sweep is Completed: 2 trials, 0 failed, best ")


def test_trials_without_the_value_of_an_order_come_last_either_way(sweeps: Sweeps):
    sweep = sweeps.submit(space={"a": ["choice", [[10, 9, "x"]]]}, method=GRID, max_total_runs=3)
    sweeps.run_all(sweep, lambda run: None if run.parameters["a"] == "9" else float(len(run.id)))

    def order(by: str, descending: bool, **more: Any) -> list[Any]:
        asked = TrialQuery(by, descending, **more)
        found = sweeps.world.look(lambda tx: sweep_trials(tx, sweeps.world.workspace_id, sweep, asked))
        return [one.trial.parameters["a"] for one in found.trials]

    assert [order("params.a", False), order("params.a", True)] == [[9, 10, "x"], [10, 9, "x"]]
    assert [order("metric", False), order("metric", True)] == [[10, "x", 9], [10, "x", 9]]  # alike: by number
    assert order("number", True, status=runs.COMPLETED) == ["x", 10]
    assert [len(order("duration", False)), order("params.b", True)] == [3, [10, 9, "x"]]


def retried(sweeps: Sweeps, run: Run) -> Run:
    """Another attempt of a run whose first one has failed."""
    world = sweeps.world

    def work(tx: Any) -> None:
        error = RunError("SystemError", "lost")
        assert try_again(tx, tx.runs.get(run.workspace_id, run.id), error, world.now, exit_code=None, is_scripts=False)

    world.do(work)
    return sweeps.start(run)


@pytest.mark.parametrize("restarts", [False, True])
def test_another_attempt_of_a_trial_begins_its_learning_curve_anew(sweeps: Sweeps, *, restarts: bool):
    policy = Policy(BANDIT, slack_factor=0.1, delay_evaluation=3)
    sweep = sweeps.submit(policy=policy, retries=1)
    sweeps.step()
    good, other = (sweeps.start(run) for run in sweeps.trials(sweep))
    sweeps.report(good, 0.9, 0.9, 0.9, 0.9)
    sweeps.report(other, 0.99, 0.99)
    sweeps.step()
    other = retried(sweeps, other)
    if restarts:
        sweeps.restarted()
    sweeps.report(other, 0.5, 0.5)
    sweeps.step()
    assert sweeps.world.run(other.id).status == runs.RUNNING
    sweeps.report(other, 0.5, before=2)
    sweeps.step()
    told = sweeps.world.look(
        lambda tx: sweep_decisions(tx, good.workspace_id, sweep, DecisionQuery(other.id)).decisions
    )
    assert [(one.attempt, one.report, one.value, one.ends) for one in told] == [(2, 3, 0.5, True)]
    # What it had reached in its first attempt is no bound for others any more.
    sweeps.report(good, 0.9, before=4)
    sweeps.step()
    assert sweeps.world.run(good.id).status == runs.RUNNING
    sweeps.finish(sweeps.world.run(other.id), runs.CANCELED)
    sweeps.finish(good)
    sweeps.run_all(sweep, lambda _: 0.8)
    assert sweeps.world.run(sweep).properties["score"] == "0.9"


def test_every_decision_is_kept_and_read_page_by_page(sweeps: Sweeps):
    sweep = sweeps.submit(policy=Policy(BANDIT, slack_factor=0.1), max_total_runs=2)
    sweeps.step()
    good, other = (sweeps.start(run) for run in sweeps.trials(sweep))
    sweeps.report(good, *([0.9] * 1_050))
    sweeps.step()
    sweeps.report(other, *([0.9] * 5), 0.95)
    sweeps.step()

    def page(**asked: Any) -> list[tuple[str, int]]:
        found = sweeps.world.look(lambda tx: sweep_decisions(tx, good.workspace_id, sweep, DecisionQuery(**asked)))
        return [(one.run_id, one.report) for one in found.decisions]

    told = page(limit=10_000)
    assert len(told) == 1_056
    assert page(run_id=good.id, limit=2) == [(good.id, 1_049), (good.id, 1_050)]
    assert page(limit=100, skip=50) == told[-150:-50]
    with pytest.raises(InvalidInput, match="limit must be"):
        page(limit=0)


def test_a_trials_end_wakes_the_sweeper(sweeps: Sweeps):
    woken: list[str] = []
    sweeps.world.records.on_commit(lambda topics: woken.extend(topics))
    sweep = sweeps.submit()
    sweeps.step()
    woken.clear()
    sweeps.finish(sweeps.start(sweeps.trials(sweep)[0]))
    assert SWEEPS in woken


def test_trials_of_a_sweep_on_this_machine_have_a_part_of_it_each(sweeps: Sweeps):
    sweep = sweeps.submit(max_concurrent_runs=2)
    sweeps.step()
    assert {run.pool for run in sweeps.trials(sweep)} == {"local/2"}
    assert find_in(sweeps, sweep).parts == 2


def find_in(sweeps: Sweeps, sweep: str) -> Any:
    return sweeps.world.look(lambda tx: find_sweep(tx, sweeps.world.workspace_id, sweep))


def test_a_model_is_asked_and_told(sweeps: Sweeps):
    space = {"C": ["uniform", [0, 10]]}
    sweep = sweeps.submit(method="bayesian", space=space, max_total_runs=14)
    sweeps.run_all(sweep, accuracy)
    told = sweeps.details(sweep)
    assert told.statuses == {runs.COMPLETED: 14}
    assert len({run.parameters["C"] for run in sweeps.trials(sweep)}) == 14


def test_a_model_that_is_not_to_be_had_fails_the_sweep_with_the_reason(sweeps: Sweeps):
    sweep = sweeps.submit(method="gp", space={"C": ["uniform", [0, 10]]})
    broken = sweeps.folder / "torch.py"
    broken.write_text("raise ImportError('no torch here')")
    model = ModelBased(sweeps.folder, lambda _: {**own_environment(), "PYTHONPATH": str(sweeps.folder)})
    sweeps.sweeper = Sweeper(sweeps.world.records, sweeps.logs, model, lambda _tx: sweeps.world.ready)
    sweeps.step()
    run = sweeps.world.run(sweep)
    assert run.status == runs.FAILED
    assert run.error is not None
    assert "no torch here" in run.error.message


def test_databases_keep_it(tmp_path: Path):
    database = Database(tmp_path / "records.db")
    sweeps = Sweeps(World(database), tmp_path)
    sweep = sweeps.submit()
    sweeps.step()
    database.close()
    again = Database(tmp_path / "records.db")
    workspace = again.read(lambda tx: tx.workspaces.list())[0].id
    assert len(again.read(lambda tx: tx.sweeps.open_trials(workspace, sweep))) == 2
    again.close()
