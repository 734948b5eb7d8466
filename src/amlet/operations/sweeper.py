"""The sweeper: draws the trials that sweeps lack, rules on those that report, and ends sweeps that have all of theirs.

Every pass compares what is on record with what is wanted, so it may be made at any time, twice, or after any death. A
trial and its run are one transaction, and a trial's number is a key: none is drawn twice, none is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import AmletError
from amlet.domain import run as runs
from amlet.domain.run import Run
from amlet.domain.sweep import BY_NUMBER, SweepSpec, Trial
from amlet.operations.submit import Ready
from amlet.operations.sweep_course import Course
from amlet.operations.sweep_end import end_sweep, stop
from amlet.operations.sweep_log import say
from amlet.operations.sweep_watch import look_after
from amlet.operations.transitions import save
from amlet.operations.trials import add_trial
from amlet.store.base import Records, SweepRecord, Transaction
from amlet.sweeps.base import Parameters
from amlet.sweeps.model_based import Known, ModelBased

AT_ONCE = 50
"""Trials drawn in one transaction: others wait for the writer meanwhile."""

TRIES = 3
"""How often a model that does not answer is asked before its sweep fails."""

Key = tuple[str, str]

log = logging.getLogger("amlet.server")


class Question(NamedTuple):
    """What a model is to be asked, outside of any transaction."""

    number: int
    spec: SweepSpec
    known: list[Known]


class Sweeper:
    """Makes passes over all sweeps. Called by one thread."""

    def __init__(
        self, records: Records, logs: LogFolder, model: ModelBased, ready: Callable[[Transaction], Ready]
    ) -> None:
        self._records = records
        self._logs = logs
        self._model = model
        self._ready = ready
        self._courses: dict[Key, Course] = {}
        self._failures: dict[Key, int] = {}

    def pass_over(self, now: datetime) -> bool:
        """One pass over every sweep that goes on; whether there is more to do at once."""
        more = False
        sweeps = self._records.read(lambda tx: tx.sweeps.open())
        for gone in set(self._courses) - {(sweep.workspace_id, sweep.run_id) for sweep in sweeps}:
            self._forget(gone)
        for sweep in sweeps:
            key = (sweep.workspace_id, sweep.run_id)
            try:
                more = self._pass_over_one(key, now) or more
            except AmletError as error:
                self._courses.pop(key, None)  # what it knows may be ahead of the records
                log.warning("sweep %s: %s", sweep.run_id, error)
            except Exception:
                self._courses.pop(key, None)
                log.exception("sweep %s: the next pass tries again", sweep.run_id)
        return more

    def close(self) -> None:
        """End the model's process."""
        self._model.close()

    def _pass_over_one(self, key: Key, now: datetime) -> bool:
        course = self._courses.get(key)
        if course is None:
            course = self._courses[key] = self._records.read(lambda tx: Course.of(tx, *key))
        asked = self._records.write(lambda tx: self._advance(tx, key, course, now)).result()
        if not isinstance(asked, Question):
            return asked
        try:
            parameters = self._model.ask(key[1], asked.spec, asked.number, asked.known)
        except AmletError as error:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            log.warning("sweep %s: %s", key[1], error)
            if failures >= TRIES:
                why = str(error)
                self._records.write(lambda tx: stop(tx, self._logs, key, why, now, fails=True)).result()
            return True
        self._failures.pop(key, None)
        self._records.write(lambda tx: self._place(tx, key, asked.number, parameters, now)).result()
        return True

    def _advance(self, tx: Transaction, key: Key, course: Course, now: datetime) -> Question | bool:
        sweep = tx.sweeps.find(*key)
        if sweep is None or not sweep.is_open:
            return False
        parent = tx.runs.get(*key)
        before = sweep
        sweep, open_count = look_after(tx, self._logs, sweep, parent, course, now)
        if sweep.state.stopping != before.state.stopping:
            self._keep(tx, before, sweep)
            return True  # trials were cancelled: they are counted in the next pass
        wants = parent.status == runs.RUNNING and sweep.state.stopping is None
        room = min(sweep.spec.max_concurrent_runs - open_count, sweep.spec.max_total_runs - sweep.state.drawn)
        if wants and room > 0 and not sweep.state.is_exhausted:
            by_number = sweep.spec.sampling.method in BY_NUMBER
            if not by_number and sweep.state.drawn >= len(sweep.spec.resume_child_runs):
                self._keep(tx, before, sweep)
                return Question(sweep.state.drawn, sweep.spec, course.known(tx, sweep))
            ends = self._draw(tx, sweep, parent, course, min(room, AT_ONCE), now)
            return ends or room > AT_ONCE or not by_number
        if open_count:
            self._keep(tx, before, sweep)
        else:
            end_sweep(tx, self._logs, sweep, tx.runs.get(*key), now)
        return False

    def _keep(self, tx: Transaction, before: SweepRecord, sweep: SweepRecord) -> None:
        """Keep what has come of a sweep, and let its watchers see it."""
        if sweep != before:
            tx.sweeps.save(sweep)
            save(tx, tx.runs.get(sweep.workspace_id, sweep.run_id))

    def _draw(
        self, tx: Transaction, sweep: SweepRecord, parent: Run, course: Course, count: int, now: datetime
    ) -> bool:
        """Draw trials by their number; whether the space has no more."""
        first = sweep.state.drawn
        ready = self._ready(tx)
        scheduled = []
        for number in range(first, first + count):
            resumed = sweep.spec.resume_child_runs[number : number + 1]
            parameters = course.resumed[number] if resumed else course.draw(number)
            if parameters is None:
                sweep = sweep._replace(state=sweep.state._replace(is_exhausted=True))
                said = f"The search space has no more than {number} points: no further trials are drawn."
                say(tx, self._logs, sweep, "GENERATOR", said, now)
                break
            trial = _trial(sweep, number, parameters, resumed[0] if resumed else None)
            scheduled.append(add_trial(tx, sweep, parent, trial, ready, now).id)
        self._drawn(tx, sweep, scheduled, now)
        return sweep.state.is_exhausted

    def _place(self, tx: Transaction, key: Key, number: int, parameters: Parameters, now: datetime) -> None:
        """Make the trial that a model has drawn, unless the sweep has gone on otherwise meanwhile."""
        sweep = tx.sweeps.find(*key)
        if sweep is None or not sweep.is_open or sweep.state.drawn != number or sweep.state.stopping is not None:
            return
        parent = tx.runs.get(*key)
        if parent.status == runs.RUNNING:
            run = add_trial(tx, sweep, parent, _trial(sweep, number, parameters), self._ready(tx), now)
            self._drawn(tx, sweep, [run.id], now)

    def _drawn(self, tx: Transaction, sweep: SweepRecord, scheduled: list[str], now: datetime) -> None:
        """Count the trials that were added, in the same transaction."""
        tx.sweeps.save(sweep._replace(state=sweep.state._replace(drawn=sweep.state.drawn + len(scheduled))))
        if scheduled:
            said = [f"Scheduling job, id='{run_id}'" for run_id in scheduled]
            say(tx, self._logs, sweep, "SCHEDULER", said, now)

    def _forget(self, key: Key) -> None:
        del self._courses[key]
        self._failures.pop(key, None)
        self._model.forget(key[1])


def _trial(sweep: SweepRecord, number: int, parameters: Parameters, resumed: str | None = None) -> Trial:
    return Trial(number, f"{sweep.run_id}_{number}", parameters, resumed)
