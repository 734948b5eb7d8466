"""Sweeps."""

from __future__ import annotations

from typing import Optional

from amlet.client.api.noun import Noun
from amlet.wire import routes
from amlet.wire.runs import SubmitAnswer, WatchQuery
from amlet.wire.sweeps import (
    DecisionQuery,
    Decisions,
    ExtendSweep,
    ResumeSweep,
    SubmitSweep,
    SweepDetails,
    TrialPage,
    TrialQuery,
)

_AT_ONCE = WatchQuery()
_FIRST = TrialQuery()
_ALL = DecisionQuery()


class SweepsApi(Noun):
    def submit(self, workspace_id: str, body: SubmitSweep) -> SubmitAnswer:
        """Submit a job many times, with parameters from a search space."""
        return self._call(SubmitAnswer, routes.SWEEP_SUBMIT, workspace_id, body=body)

    def get(
        self, workspace_id: str, run_id: str, query: WatchQuery = _AT_ONCE, *, patience_s: Optional[float] = None
    ) -> SweepDetails:
        """A sweep and its best trial, or its next change."""
        return self._call(SweepDetails, routes.SWEEP_GET, workspace_id, run_id, query=query, patience_s=patience_s)

    def trials(self, workspace_id: str, run_id: str, query: TrialQuery = _FIRST) -> TrialPage:
        """The trials of a sweep, in an order."""
        return self._call(TrialPage, routes.SWEEP_TRIALS, workspace_id, run_id, query=query)

    def decisions(self, workspace_id: str, run_id: str, query: DecisionQuery = _ALL) -> Decisions:
        """What a sweep's policy decided, and by which numbers."""
        return self._call(Decisions, routes.SWEEP_DECISIONS, workspace_id, run_id, query=query)

    def extend(self, workspace_id: str, run_id: str, body: ExtendSweep) -> SweepDetails:
        """More trials."""
        return self._call(SweepDetails, routes.SWEEP_EXTEND, workspace_id, run_id, body=body)

    def resume(self, workspace_id: str, run_id: str, body: ResumeSweep) -> SweepDetails:
        """Try again the trials that a sweep lacks."""
        return self._call(SweepDetails, routes.SWEEP_RESUME, workspace_id, run_id, body=body)
