"""Sweeps in every order of deaths, ends, cancels and restarts: never too many trials at a time, never one twice."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, lists, randoms, sampled_from

from amlet.artifacts.logs import LogFolder
from amlet.base.variables import own_environment
from amlet.domain import run as runs
from amlet.domain.metric import SCALAR, Point
from amlet.domain.run import Run, RunError
from amlet.domain.sweep import BANDIT, MAXIMIZE, MEDIAN_STOPPING, RANDOM, Objective, Policy, Sampling, SweepSpec
from amlet.operations.cancel import cancel
from amlet.operations.retry import try_again
from amlet.operations.settle import settle
from amlet.operations.submit_sweep import submit_sweep
from amlet.operations.sweeper import Sweeper
from amlet.operations.transitions import move
from amlet.store.base import Transaction
from amlet.store.database import Database
from amlet.sweeps.model_based import ModelBased
from amlet.wire.nodes import SettleAttempt
from amlet.wire.sweeps import SubmitSweep
from support.world import World


class SweepStates(RuleBasedStateMachine):
    """One sweep; its trials end, fail and are cancelled, and its sweeper dies, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.records = Database(folder / "records.db")
        self.world = World(self.records)
        self.logs = LogFolder(folder / "logs")
        self.model = ModelBased(folder, lambda _method: own_environment())
        self.cancelled = False

    @initialize(
        total=integers(1, 12),
        concurrent=integers(1, 4),
        seed=integers(0, 5),
        policy=sampled_from((Policy(), Policy(MEDIAN_STOPPING), Policy(BANDIT, slack_amount=0.1))),
    )
    def submit(self, total: int, concurrent: int, seed: int, policy: Policy) -> None:
        self.total, self.concurrent = total, concurrent
        sampling = Sampling(RANDOM, {"x": ["uniform", [0, 1]]}, seed)
        spec = SweepSpec(sampling, [Objective("value", MAXIMIZE)], total, concurrent, policy)
        told = self.world.submission()
        asked = SubmitSweep(told._replace(job=told.job._replace(retries=5)), spec)
        run = self.world.do(lambda tx: submit_sweep(tx, self.world.workspace_id, asked, self.world.now)).run
        assert run is not None
        self.sweep = run.id
        self.restart()

    @rule()
    def restart(self) -> None:
        """A sweeper that knows nothing but the records."""
        self.sweeper = Sweeper(self.records, self.logs, self.model, lambda _tx: self.world.ready)

    @rule()
    def pass_over(self) -> None:
        self.sweeper.pass_over(self.world.now)

    @precondition(lambda self: self._going_on())
    @rule(
        random=randoms(use_true_random=False),
        outcome=sampled_from((runs.COMPLETED, runs.COMPLETED, runs.FAILED)),
        values=lists(sampled_from((0.1, 0.5, 0.9, float("nan"))), max_size=3),
    )
    def end_a_trial(self, random: Any, outcome: str, values: list[float]) -> None:
        run = self._reporting(random.choice(self._going_on()), values)
        error = RunError("UserError", "ValueError: no") if outcome == runs.FAILED else None
        asked = SettleAttempt(run.attempt, outcome, int(outcome == runs.FAILED), error, [], [])
        self.world.do(lambda tx: settle(tx, run.workspace_id, run.id, asked, self.world.now))
        self.world.later(1)

    @precondition(lambda self: self._going_on())
    @rule(
        random=randoms(use_true_random=False), values=lists(sampled_from((0.1, 0.5, 0.9)), max_size=3), fails=booleans()
    )
    def report(self, random: Any, values: list[float], fails: bool) -> None:
        """A trial logs; then its node may be lost, and it is tried again."""
        run = self._reporting(random.choice(self._going_on()), values)
        if fails and run.status == runs.RUNNING and len(run.past) < 5:
            error = RunError("SystemError", "lost")
            now = self.world.now
            self.world.do(lambda tx: try_again(tx, run, error, now, exit_code=None, is_scripts=False))

    @precondition(lambda self: self._going_on())
    @rule(random=randoms(use_true_random=False))
    def cancel_a_trial(self, random: Any) -> None:
        run = random.choice(self._going_on())
        self.world.do(lambda tx: cancel(tx, run.workspace_id, run.id, self.world.now))

    @precondition(lambda self: not self.cancelled)
    @rule(surely=integers(0, 5))
    def cancel_the_sweep(self, surely: int) -> None:
        if surely == 0:
            self.world.do(lambda tx: cancel(tx, self.world.workspace_id, self.sweep, self.world.now))
            self.cancelled = self.world.run(self.sweep).status != runs.COMPLETED

    @invariant()
    def no_more_go_on_than_asked_for(self) -> None:
        if hasattr(self, "sweep"):
            assert len(self._going_on()) <= self.concurrent

    @invariant()
    def a_policy_ends_a_trial_once(self) -> None:
        if hasattr(self, "sweep"):
            key = (self.world.workspace_id, self.sweep)
            told = self.world.look(lambda tx: tx.sweeps.decisions(*key, None, 10_000, 0))
            ended = [(one.run_id, one.attempt) for one in told if one.ends]
            assert len(set(ended)) == len(ended)

    @invariant()
    def every_trial_has_its_run_and_its_number(self) -> None:
        if not hasattr(self, "sweep"):
            return
        trials = self.world.look(lambda tx: tx.sweeps.trials(self.world.workspace_id, self.sweep))
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert sorted(trial.run_id for trial in trials) == sorted(run.id for run in self._trials())
        assert len({trial.parameters["x"] for trial in trials}) == len(trials) <= self.total

    def teardown(self) -> None:
        """Whatever happened, the sweep comes to its end."""
        if hasattr(self, "sweep"):
            for _ in range(100):
                while self.sweeper.pass_over(self.world.now):
                    pass
                self.no_more_go_on_than_asked_for()
                going_on = self._going_on()
                if not going_on:
                    break
                self.world.do(lambda tx, run=going_on[0]: cancel(tx, run.workspace_id, run.id, self.world.now))
            self.every_trial_has_its_run_and_its_number()
            parent = self.world.run(self.sweep)
            assert parent.is_over
            all_failed = [run.status for run in self._trials()][:10].count(runs.FAILED) == 10
            if not self.cancelled and not all_failed:
                assert len(self._trials()) == self.total
            assert self.world.look(lambda tx: tx.sweeps.open()) == []
        self.model.close()
        self.records.close()
        self._folder.cleanup()

    def _trials(self) -> list[Run]:
        return self.world.look(lambda tx: tx.runs.children(self.world.workspace_id, self.sweep))

    def _going_on(self) -> list[Run]:
        return [run for run in self._trials() if not run.is_over] if hasattr(self, "sweep") else []

    def _reporting(self, run: Run, values: list[float]) -> Run:
        """A trial that runs, and has logged more."""
        if run.status == runs.QUEUED:
            run = self.world.do(lambda tx: self._started(tx, run.id))
        points = [Point("value", SCALAR, value, None, 0.0) for value in values]

        def work(tx: Transaction) -> None:
            drained = tx.metrics.drained(run.workspace_id, run.id, "journal")
            tx.metrics.add(run.workspace_id, run.id, "journal", drained + 1, points)

        self.world.do(work)
        return run

    def _started(self, tx: Transaction, run_id: str) -> Run:
        run = tx.runs.get(self.world.workspace_id, run_id)
        return move(tx, run._replace(attempt=run.attempt + 1), runs.RUNNING, self.world.now)


TestSweepStates = SweepStates.TestCase
TestSweepStates.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
