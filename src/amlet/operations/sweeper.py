"""The sweeper: draws the trials that sweeps lack, rules on those that report, and ends sweeps that have all of theirs.

Every pass compares what is on record with what is wanted, so it may be made at any time, twice, or after any death. A
trial and its run are one transaction, and a trial's number is a key: none is drawn twice, none is lost.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import AmletError
from amlet.domain import run as runs
from amlet.domain.sweep import BY_NUMBER, SweepSpec, Trial
from amlet.operations.submit import Ready
from amlet.operations.sweep_course import Course
from amlet.operations.sweep_end import end_sweep, stop
from amlet.operations.sweep_step import API, GENERATOR, SCHEDULER, Step
from amlet.operations.sweep_watch import look_after
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
    room: int
    """How many trials may begin now."""


class Next(enum.Enum):
    """What follows a step of a sweep."""

    AGAIN = enum.auto()
    """Another one, at once."""
    LATER = enum.auto()
    """Another one when something has happened."""
    OVER = enum.auto()
    """The sweep is over."""


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
        for gone in set(self._courses) - set(sweeps):
            self._forget(gone)
        for key in sweeps:
            try:
                more = self._pass_over_one(key, now) or more
            except AmletError as error:
                self._courses.pop(key, None)  # what it knows may be ahead of the records
                log.warning("sweep %s: %s", key[1], error)
            except Exception:
                self._courses.pop(key, None)
                log.exception("sweep %s: the next pass tries again", key[1])
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
            if asked is Next.OVER:
                self._forget(key)  # it may be resumed: what was over is open then
            return asked is Next.AGAIN
        try:
            parameters = self._model.ask(key[1], asked.spec, asked.number, asked.known)
        except AmletError as error:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            log.warning("sweep %s: %s", key[1], error)
            if failures >= TRIES:
                why = str(error)
                self._records.write(lambda tx: self._give_up(tx, key, why, now)).result()
            return True
        self._failures.pop(key, None)
        self._records.write(lambda tx: self._place(tx, key, course, asked.number, parameters, now)).result()
        return asked.room > 1

    def _advance(self, tx: Transaction, key: Key, course: Course, now: datetime) -> Question | Next:
        sweep = tx.sweeps.find(*key)
        if sweep is None or not sweep.is_open:
            return Next.OVER
        step = Step(tx, self._logs, sweep, now)
        going_on = look_after(step, course)
        spec, state = sweep.spec, step.sweep.state
        if state.stopping != sweep.state.stopping:
            step.keep()
            return Next.AGAIN  # trials were cancelled: they are counted in the next pass
        wants = sweep.status == runs.RUNNING and state.stopping is None and not state.is_exhausted
        room = min(spec.max_concurrent_runs - going_on, spec.max_total_runs - state.drawn)
        if wants and room > 0:
            by_number = spec.sampling.method in BY_NUMBER
            if not by_number and state.drawn >= len(spec.resume_child_runs):
                step.keep()
                return Question(state.drawn, spec, course.known(tx, step.sweep), room)
            ends = self._draw(step, course, min(room, AT_ONCE))
            step.keep()
            return Next.AGAIN if ends or room > AT_ONCE or not by_number else Next.LATER
        if going_on:
            step.keep()
            return Next.LATER
        end_sweep(step)
        return Next.OVER

    def _draw(self, step: Step, course: Course, count: int) -> bool:
        """Draw trials by their number; whether the space has no more."""
        first, spec = step.sweep.state.drawn, step.sweep.spec
        if spec.sampling.method not in BY_NUMBER:
            count = min(count, len(spec.resume_child_runs) - first)
        trials = []
        for number in range(first, first + count):
            resumed = spec.resume_child_runs[number : number + 1]
            parameters = course.resumed[number] if resumed else course.draw(number)
            if parameters is None:
                break
            trials.append(_trial(step.sweep, number, parameters, resumed[0] if resumed else None))
        self._add(step, course, trials, count)
        if len(trials) == count:
            return False
        number = step.sweep.state.drawn
        step.say(GENERATOR, f"The search space has no more than {number} points: no further trials are drawn.")
        step.change(is_exhausted=True)
        return True

    def _place(
        self, tx: Transaction, key: Key, course: Course, number: int, parameters: Parameters, now: datetime
    ) -> None:
        """Make the trial that a model has drawn, unless the sweep has gone on otherwise meanwhile."""
        sweep = tx.sweeps.find(*key)
        if sweep is None or not sweep.is_open or sweep.state.drawn != number or sweep.state.stopping is not None:
            return
        if sweep.status == runs.RUNNING:
            step = Step(tx, self._logs, sweep, now)
            self._add(step, course, [_trial(sweep, number, parameters)], 1)
            step.keep()

    def _add(self, step: Step, course: Course, trials: list[Trial], tried: int) -> None:
        """Record trials that were drawn, and tell it in v1's words (v1-behaviours 12.20)."""
        if step.sweep.state.drawn == 0:
            step.say(API, "Experiment created")
        step.say(GENERATOR, f"Trying to sample '{tried}' jobs from the hyperparameter space")
        step.say(GENERATOR, f"Successfully sampled '{len(trials)}' jobs, they are queued now.")
        ready = self._ready(step.tx)
        scheduled = [add_trial(step, course.job, trial, ready).id for trial in trials]
        step.say(SCHEDULER, [f"Scheduling job, id='{run_id}'" for run_id in scheduled])
        step.change(drawn=step.sweep.state.drawn + len(trials))

    def _give_up(self, tx: Transaction, key: Key, why: str, now: datetime) -> None:
        """Let a sweep fail whose model does not answer."""
        sweep = tx.sweeps.find(*key)
        if sweep is not None and sweep.is_open and sweep.state.stopping is None:
            step = Step(tx, self._logs, sweep, now)
            stop(step, why, fails=True)
            step.keep()

    def _forget(self, key: Key) -> None:
        self._courses.pop(key, None)
        self._failures.pop(key, None)
        self._model.forget(key[1])


def _trial(sweep: SweepRecord, number: int, parameters: Parameters, resumed: str | None = None) -> Trial:
    return Trial(number, f"{sweep.run_id}_{number}", parameters, resumed)
