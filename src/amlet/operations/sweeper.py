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
from amlet.domain.sweep import SweepSpec, Trial
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


class Offer(NamedTuple):
    """What a model has drawn: of use while it is the turn of this number."""

    number: int
    parameters: Parameters


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
        offer = None
        asked = None if course.draws_by_number else self._records.read(lambda tx: _question(tx, key, course))
        if asked is not None:
            offer = self._asked(key, asked, now)
            if offer is None:
                return True
        follows = self._records.write(lambda tx: self._advance(tx, key, course, offer, now)).result()
        if follows is Next.OVER:
            self._forget(key)  # it may be resumed: what was over is open then
        return follows is Next.AGAIN

    def _asked(self, key: Key, asked: Question, now: datetime) -> Offer | None:
        """What the model says; None when it does not answer. After a few tries its sweep fails."""
        try:
            parameters = self._model.ask(key[1], asked.spec, asked.number, asked.known)
        except AmletError as error:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            log.warning("sweep %s: %s", key[1], error)
            if failures >= TRIES:
                why = str(error)
                self._records.write(lambda tx: self._give_up(tx, key, why, now)).result()
            return None
        self._failures.pop(key, None)
        return Offer(asked.number, parameters)

    def _advance(self, tx: Transaction, key: Key, course: Course, offer: Offer | None, now: datetime) -> Next:
        sweep = tx.sweeps.find(*key)
        if sweep is None or not sweep.is_open:
            return Next.OVER
        step = Step(tx, self._logs, sweep, now)
        going_on = look_after(step, course)
        state = step.sweep.state
        if state.stopping != sweep.state.stopping:
            step.keep()
            return Next.AGAIN  # trials were cancelled: they are counted in the next pass
        room = _room(step.sweep, going_on)
        if room:
            follows = self._draw(step, course, min(room, AT_ONCE), offer)
            step.keep()
            return Next.AGAIN if room > AT_ONCE else follows
        if going_on:
            step.keep()
            return Next.LATER
        end_sweep(step)
        return Next.OVER

    def _draw(self, step: Step, course: Course, count: int, offer: Offer | None) -> Next:
        """Draw trials by their number, those that are gone on with first; or take what the model has drawn."""
        first, resumed = step.sweep.state.drawn, step.sweep.spec.resume_child_runs
        trials = []
        if not course.draws_by_number:
            if first >= len(resumed):
                if offer is None or offer.number != first:
                    return Next.AGAIN  # there was no room, or another number was next, when it was to be asked
                self._add(step, course, [_trial(step.sweep, first, offer.parameters)], 1)
                return Next.AGAIN if count > 1 else Next.LATER
            count = min(count, len(resumed) - first)
        for number in range(first, first + count):
            earlier = resumed[number] if number < len(resumed) else None
            parameters = course.resumed[number] if earlier is not None else course.draw(number)
            if parameters is None:
                break
            trials.append(_trial(step.sweep, number, parameters, earlier))
        self._add(step, course, trials, count)
        if len(trials) < count:
            number = step.sweep.state.drawn
            step.say(GENERATOR, f"The search space has no more than {number} points: no further trials are drawn.")
            step.change(is_exhausted=True)
            return Next.AGAIN
        return Next.LATER if course.draws_by_number else Next.AGAIN

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


def _question(tx: Transaction, key: Key, course: Course) -> Question | None:
    """What the sweep's model is to be asked, if it has room for a trial. What follows looks again."""
    sweep = tx.sweeps.find(*key)
    if sweep is None or not sweep.is_open or sweep.state.drawn < len(sweep.spec.resume_child_runs):
        return None
    looks = tx.sweeps.look(*key, [])
    going_on = sum(look.status is not None and look.status not in runs.TERMINAL for look in looks)
    return Question(sweep.state.drawn, sweep.spec, course.known(tx, sweep)) if _room(sweep, going_on) else None


def _room(sweep: SweepRecord, going_on: int) -> int:
    """How many trials may begin now."""
    if sweep.status != runs.RUNNING or sweep.state.stopping is not None or sweep.state.is_exhausted:
        return 0
    return max(0, min(sweep.spec.max_concurrent_runs - going_on, sweep.spec.max_total_runs - sweep.state.drawn))
