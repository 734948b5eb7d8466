"""The course of one sweep in memory: its sampler and its learning curves, made again from the records when need be."""

from __future__ import annotations

from amlet.domain.sweep import BY_NUMBER, NO_TERMINATION, Trial
from amlet.operations.submit_sweep import find_sweep
from amlet.operations.trials import standings
from amlet.store.base import SweepRecord, Transaction
from amlet.sweeps.base import Parameters, Sampler
from amlet.sweeps.by_number import sampler_of
from amlet.sweeps.curves import Curves
from amlet.sweeps.model_based import Known


class Course:
    """What a sweep's next decisions are made from. What it holds follows from the records."""

    def __init__(self, sampler: Sampler | None, curves: Curves, before: list[Known], resumed: list[Parameters]) -> None:
        self._sampler = sampler
        self.curves = curves
        self.before = before
        """Trials of the sweeps that this one goes on from."""
        self.resumed = resumed
        """The parameters of the trials that are gone on with, which have the first numbers."""

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
        return cls(sampler, curves, known, resumed)

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
    found = []
    for standing in standings(tx, sweep, tx.sweeps.trials(workspace_id, run_id)):
        values = [value for value in standing.best if value is not None]
        whole = values if len(values) == len(standing.best) else None
        found.append(Known(0, standing.trial.parameters, whole, going_on=False))
    return found


def _parameters(tx: Transaction, workspace_id: str, run_id: str) -> Parameters:
    parent = tx.runs.get(workspace_id, run_id).parent_id or ""
    held = [trial for trial in tx.sweeps.trials(workspace_id, parent) if trial.run_id == run_id]
    return held[0].parameters
