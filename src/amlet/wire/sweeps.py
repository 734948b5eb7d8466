"""Requests and answers about sweeps."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.run import Run
from amlet.domain.sweep import Decision, Standing, SweepSpec, SweepState
from amlet.wire.runs import SubmitRun


class SubmitSweep(NamedTuple):
    """A job to run many times. The arguments of each trial come after those of the job."""

    run: SubmitRun
    """The job, as for one run of it; `run_id` names the sweep."""
    spec: SweepSpec


class SweepDetails(NamedTuple):
    """A sweep and how it stands."""

    run: Run
    spec: SweepSpec
    state: SweepState
    statuses: Dict[str, int]
    """How many of its trials have each status."""
    best: Optional[Standing]
    """The best trial by the primary metric; None while none has logged it."""
    front: List[Standing] = []
    """With several objectives: the trials that no other is better than in all of them."""


class TrialQuery(NamedTuple):
    """Trials in an order; those without its value come last."""

    order: str = "number"
    """`number`, `status`, `duration`, `metric` (the primary one), `metrics.<name>` or `params.<name>`."""
    descending: bool = False
    status: Optional[str] = None
    limit: int = 100
    offset: int = 0


class TrialPage(NamedTuple):
    trials: List[Standing]
    total: int
    """How many there are, this page's and all others."""


class DecisionQuery(NamedTuple):
    """The last decisions of a sweep's policy."""

    run_id: Optional[str] = None
    """Of this trial alone."""
    limit: int = 1000
    skip: int = 0
    """So many of the last are left out: the page before them."""


class Decisions(NamedTuple):
    decisions: List[Decision]
    """Oldest first."""


class ExtendSweep(NamedTuple):
    """More trials for a sweep, be it over or not."""

    runs: int


class ResumeSweep(NamedTuple):
    """Try again what was cancelled or failed, and draw what is missing."""
