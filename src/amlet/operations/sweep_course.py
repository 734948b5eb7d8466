"""The course of one sweep in memory: its sampler and its learning curves, made again from the records when need be."""

from __future__ import annotations

from amlet.domain.job import Job
from amlet.domain.run import TERMINAL
from amlet.domain.sweep import BY_NUMBER, NO_TERMINATION, Standing, Trial
from amlet.operations.submit_sweep import find_sweep
from amlet.operations.trials import standings
from amlet.store.base import SweepRecord, Transaction
from amlet.sweeps.base import Parameters, Sampler
from amlet.sweeps.by_number import sampler_of
from amlet.sweeps.curves import Curves
from amlet.sweeps.model_based import Known


class Course:
    """What a sweep's next decisions are made from. What it holds follows from the records."""

    def __init__(
        self, job: Job, sampler: Sampler | None, curves: Curves, before: list[Known], resumed: list[Parameters]
    ) -> None:
        self.job = job
        """What each trial is one run of."""
        self.curves = curves
        self.before = before
        """Trials of the sweeps that this one goes on from."""
        self.resumed = resumed
        """The parameters of the trials that are gone on with, which have the first numbers."""

        self._sampler = sampler
        self._own: dict[int, Known] = {}
        self._going_on: list[int] = []
        self._read = 0

    @property
    def draws_by_number(self) -> bool:
        """Whether a trial's parameters follow from its number; else a model is asked."""
        return self._sampler is not None

    def known(self, tx: Transaction, sweep: SweepRecord) -> list[Known]:
        """What a model has to know: trials of before, and the sweep's own. What was over is not read again."""
        numbers = [*self._going_on, *range(self._read, sweep.state.drawn)]
        found = [_known(standing, standing.trial.number) for standing in standings(tx, sweep, numbers)]
        self._own.update((known.number, known) for known in found)
        self._going_on = [known.number for known in found if known.going_on]
        self._read = sweep.state.drawn
        return [*self.before, *self._own.values()]

    @classmethod
    def of(cls, tx: Transaction, workspace_id: str, run_id: str) -> Course:
        """Read it from the records."""
        sweep = find_sweep(tx, workspace_id, run_id)
        before = [trial for parent in sweep.spec.resume_from for trial in _trials_of(tx, workspace_id, parent)]
        known = [trial._replace(number=-1 - place) for place, trial in enumerate(before)]
        resumed = [_parameters(tx, workspace_id, child) for child in sweep.spec.resume_child_runs]
        sampler = None
        if sweep.spec.sampling.method in BY_NUMBER:
            sampler = sampler_of(sweep.spec.sampling, known=[*(trial.parameters for trial in known), *resumed])
        curves = Curves(sweep.spec.primary)
        if sweep.spec.policy.name != NO_TERMINATION:
            for trial in tx.sweeps.trials(workspace_id, run_id):
                for value in reported(tx, sweep, trial, 0, trial.judged):
                    curves.add(trial.run_id, value)
        return cls(tx.runs.job(workspace_id, run_id), sampler, curves, known, resumed)

    def draw(self, number: int) -> Parameters | None:
        """The parameters of the trial of this number, for a method that draws by number."""
        assert self._sampler is not None
        return self._sampler.draw(number - len(self.resumed))


def reported(tx: Transaction, sweep: SweepRecord, trial: Trial, start: int, end: int) -> list[float]:
    """What a trial reported of the primary metric, from one place to another. What is no number is not a number."""
    if end <= start:
        return []
    points = tx.metrics.stretch(sweep.workspace_id, trial.run_id, sweep.spec.primary.metric, start, end - start)
    return [_number(point.value) for point in points]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")


def _trials_of(tx: Transaction, workspace_id: str, run_id: str) -> list[Known]:
    sweep = find_sweep(tx, workspace_id, run_id)
    told = standings(tx, sweep, range(sweep.state.drawn))
    return [_known(standing, 0)._replace(going_on=False) for standing in told]


def _known(standing: Standing, number: int) -> Known:
    values = [value for value in standing.best if value is not None]
    going_on = standing.status not in TERMINAL
    told = values if len(values) == len(standing.best) and not going_on else None
    return Known(number, standing.trial.parameters, told, going_on)


def _parameters(tx: Transaction, workspace_id: str, run_id: str) -> Parameters:
    parent = tx.runs.get(workspace_id, run_id).parent_id or ""
    held = [trial for trial in tx.sweeps.trials(workspace_id, parent) if trial.run_id == run_id]
    return held[0].parameters
