"""Sweeps: their state, what was drawn for their trials, and what policies decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from amlet.base.errors import Conflict
from amlet.domain.sweep import Decision, Trial
from amlet.store import trial_search
from amlet.store.base import SweepRecord, TrialLook, TrialOrder
from amlet.store.runs import Runs
from amlet.store.tables import decisions, runs, sweeps, trials
from amlet.store.upserts import insert_new, put

_SWEEP = (
    select(
        runs.c.workspace_id,
        runs.c.id,
        sweeps.c.spec,
        sweeps.c.state,
        sweeps.c.is_open,
        sweeps.c.parts,
        runs.c.status,
        func.coalesce(runs.c.started, runs.c.created),
    )
    .join(runs, runs.c.seq == sweeps.c.run)
    .where(sweeps.c.run == bindparam("its_run"))
)
_OPEN = (
    select(runs.c.workspace_id, runs.c.id)
    .join(sweeps, runs.c.seq == sweeps.c.run)
    .where(sweeps.c.is_open.is_(True))
    .order_by(sweeps.c.run)
)
_PARTS = select(sweeps.c.parts).where(sweeps.c.is_open.is_(True)).distinct()
_SAVE = sweeps.update().where(sweeps.c.run == bindparam("its_run"))
_TRIALS = (
    select(*(trials.c[name] for name in Trial._fields))
    .where(trials.c.sweep == bindparam("its_sweep"), trials.c.number >= bindparam("first"))
    .order_by(trials.c.number)
)
_OPEN_TRIALS = _TRIALS.where(trials.c.is_open.is_(True))
_NUMBER = select(trials.c.number).where(
    trials.c.sweep == bindparam("its_sweep"), trials.c.number == bindparam("its_number")
)
_SAVE_TRIAL = trials.update().where(
    trials.c.sweep == bindparam("its_sweep"), trials.c.number == bindparam("its_number")
)
_CHANGING = ("is_open", "judged", "attempt", "stopped_by")
_DECISIONS = select(*(decisions.c[name] for name in Decision._fields)).where(
    decisions.c.sweep == bindparam("its_sweep")
)
_LATEST = (decisions.c.when.desc(), decisions.c.run_id.desc(), decisions.c.attempt.desc(), decisions.c.report.desc())


class Sweeps:
    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs

    def find(self, workspace_id: str, run_id: str) -> SweepRecord | None:
        row = self._connection.execute(_SWEEP, {"its_run": self._runs.seq_of(workspace_id, run_id)}).first()
        return SweepRecord._make(row) if row else None

    def save(self, sweep: SweepRecord) -> None:
        seq = self._runs.seq_of(sweep.workspace_id, sweep.run_id)
        row = {"spec": sweep.spec, "state": sweep.state, "is_open": sweep.is_open, "parts": sweep.parts}
        if not self._connection.execute(_SAVE, {**row, "its_run": seq}).rowcount:
            put(self._connection, sweeps, [{**row, "run": seq}])

    def save_state(self, sweep: SweepRecord) -> None:
        values = {"state": sweep.state, "is_open": sweep.is_open}
        self._connection.execute(_SAVE, {**values, "its_run": self._runs.seq_of(sweep.workspace_id, sweep.run_id)})

    def open(self) -> list[tuple[str, str]]:
        return [(workspace_id, run_id) for workspace_id, run_id in self._connection.execute(_OPEN)]

    def parts(self) -> set[int]:
        return set(self._connection.execute(_PARTS).scalars())

    def add_trial(self, workspace_id: str, run_id: str, trial: Trial) -> None:
        sweep = self._runs.seq_of(workspace_id, run_id)
        if self._connection.execute(_NUMBER, {"its_sweep": sweep, "its_number": trial.number}).first():
            raise Conflict(f"Sweep {run_id} has a trial {trial.number} already.")
        self._connection.execute(trials.insert(), {**trial._asdict(), "sweep": sweep})

    def save_trial(self, workspace_id: str, run_id: str, trial: Trial) -> None:
        row = {name: getattr(trial, name) for name in _CHANGING}
        sweep = self._runs.seq_of(workspace_id, run_id)
        self._connection.execute(_SAVE_TRIAL, {**row, "its_sweep": sweep, "its_number": trial.number})

    def trials(self, workspace_id: str, run_id: str, first: int = 0) -> list[Trial]:
        return self._trials(_TRIALS, workspace_id, run_id, first)

    def open_trials(self, workspace_id: str, run_id: str) -> list[Trial]:
        return self._trials(_OPEN_TRIALS, workspace_id, run_id)

    def look(
        self, workspace_id: str, run_id: str, metrics: Sequence[str], numbers: Sequence[int] | None = None
    ) -> list[TrialLook]:
        sweep = self._runs.seq_of(workspace_id, run_id)
        return trial_search.look(self._connection, workspace_id, sweep, metrics, numbers)

    def page(self, workspace_id: str, run_id: str, chosen: TrialOrder, limit: int, offset: int) -> list[int]:
        sweep = self._runs.seq_of(workspace_id, run_id)
        return trial_search.page(self._connection, workspace_id, sweep, chosen, limit, offset)

    def statuses(self, workspace_id: str, run_id: str) -> dict[str, int]:
        return trial_search.statuses(self._connection, workspace_id, self._runs.seq_of(workspace_id, run_id))

    def decide(self, workspace_id: str, run_id: str, decided: Sequence[Decision]) -> None:
        sweep = self._runs.seq_of(workspace_id, run_id)
        insert_new(self._connection, decisions, [{**decision._asdict(), "sweep": sweep} for decision in decided])

    def decisions(self, workspace_id: str, run_id: str, trial: str | None, limit: int, skip: int) -> list[Decision]:
        query = _DECISIONS if trial is None else _DECISIONS.where(decisions.c.run_id == trial)
        sweep = self._runs.seq_of(workspace_id, run_id)
        rows = self._connection.execute(query.order_by(*_LATEST).limit(limit).offset(skip), {"its_sweep": sweep})
        return [Decision._make(row) for row in rows][::-1]

    def _trials(self, query: Select[Any], workspace_id: str, run_id: str, first: int = 0) -> list[Trial]:
        sweep = self._runs.seq_of(workspace_id, run_id)
        return [Trial._make(row) for row in self._connection.execute(query, {"its_sweep": sweep, "first": first})]
