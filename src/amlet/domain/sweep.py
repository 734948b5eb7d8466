"""Sweeps: what is searched for, by which method and within which bounds; their trials, and what policies decided."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Dict, List, NamedTuple, Optional

HYPERDRIVE = "hyperdrive"
"""The type of a sweep's run (v1-behaviours 12.14)."""

MINIMIZE = "minimize"
MAXIMIZE = "maximize"
GOALS = (MINIMIZE, MAXIMIZE)

RANDOM = "random"
GRID = "grid"
BAYESIAN = "bayesian"
QUASI_RANDOM = "quasirandom"
TPE = "tpe"
CMA_ES = "cmaes"
GAUSSIAN_PROCESS = "gp"
METHODS = (RANDOM, GRID, BAYESIAN, QUASI_RANDOM, TPE, CMA_ES, GAUSSIAN_PROCESS)
"""The first three are v1's."""

BY_NUMBER = (RANDOM, GRID, QUASI_RANDOM)
"""Methods whose n-th trial follows from the seed and n alone, whatever the others came to."""

NO_TERMINATION = "default"
BANDIT = "bandit"
MEDIAN_STOPPING = "medianstopping"
TRUNCATION_SELECTION = "truncationselection"
HYPERBAND = "hyperband"
POLICIES = (NO_TERMINATION, BANDIT, MEDIAN_STOPPING, TRUNCATION_SELECTION, HYPERBAND)
"""The first four are v1's."""

MAX_TOTAL_RUNS = 1000
"""v1's (v1-behaviours 12.4)."""

MAX_DURATION_MINUTES = 10_080
"""A week, v1's."""

PARENTS_LIMIT = 5
"""How many sweeps one may go on from (v1-behaviours 12.21)."""


class Sampling(NamedTuple):
    """Where the parameters of the trials come from."""

    method: str
    """One of METHODS."""
    space: Dict[str, Any]
    """In v1's JSON form: see `domain/search_space.py`."""
    seed: int = 0


class Objective(NamedTuple):
    """A metric that is to be as small, or as large, as can be."""

    metric: str
    goal: str
    """One of GOALS."""

    def is_better(self, one: float, other: float) -> bool:
        """Whether one value is better than the other. NaN is worse than any."""
        if math.isnan(one) or math.isnan(other):
            return not math.isnan(one)
        return one < other if self.goal == MINIMIZE else one > other


class Policy(NamedTuple):
    """When a trial is ended early. What a policy does not use stays None."""

    name: str = NO_TERMINATION
    """One of POLICIES."""
    evaluation_interval: int = 1
    """It decides at multiples of this, in reports of the primary metric (v1-behaviours 12.8)."""
    delay_evaluation: int = 0
    """It decides nothing before this many reports."""
    slack_factor: Optional[float] = None
    slack_amount: Optional[float] = None
    truncation_percentage: Optional[int] = None
    min_resource: Optional[int] = None
    """Of Hyperband: the reports before the first rung."""
    reduction_factor: Optional[int] = None
    """Of Hyperband: one of so many goes on from each rung."""
    brackets: Optional[int] = None
    """Of Hyperband; 1 is successive halving (ASHA)."""


class SweepSpec(NamedTuple):
    """What a sweep is to do. All counts are totals, whatever dies in between."""

    sampling: Sampling
    objectives: List[Objective]
    """The first is the primary one; several make a Pareto front."""
    max_total_runs: int
    max_concurrent_runs: int
    policy: Policy = Policy()
    max_duration_s: int = MAX_DURATION_MINUTES * 60
    resume_from: List[str] = []
    """Sweeps whose trials are known from the start (v1-behaviours 12.21)."""
    resume_child_runs: List[str] = []
    """Trials that are gone on with, one trial each, before others are drawn."""

    @property
    def primary(self) -> Objective:
        return self.objectives[0]


class SweepState(NamedTuple):
    """How far a sweep has come. Kept with it in the same transactions as its trials."""

    drawn: int = 0
    """Trials that there are; the next one has this number."""
    over: int = 0
    failed: int = 0
    is_exhausted: bool = False
    """The space has no further point."""
    stopping: Optional[str] = None
    """Why no further trial is drawn, in words: its time is up, or its first trials all failed."""
    is_failing: bool = False
    """Whether it ends as Failed for that."""
    best_run: Optional[str] = None
    best_value: Optional[float] = None
    is_warned: bool = False
    """Whether the user was told that a trial ended without the primary metric."""
    logged: int = 0
    """Rows of `best_child_by_primary_metric` that were written."""


class Trial(NamedTuple):
    """One point of the search, and the run that tries it."""

    number: int
    """From 0: `HD_..._<number>`."""
    run_id: str
    parameters: Dict[str, Any]
    """As drawn, in the order of the space; what its choices left out is not there."""
    resumed: Optional[str] = None
    """The trial of another sweep that it goes on with."""
    is_open: bool = True
    """Whether its run is still looked after."""
    judged: int = 0
    """How many of its reports the policy has ruled on."""
    attempt: int = 0
    """The attempt of its run that made those reports. Those of an earlier one do not count."""
    stopped_by: Optional[str] = None
    """The policy that ended it early."""


class Standing(NamedTuple):
    """A trial with how it stands."""

    trial: Trial
    status: str
    best: List[Optional[float]]
    """The best value of each objective so far; None where none was logged."""
    reports: int = 0
    """How many values of the primary metric it logged."""
    started: Optional[datetime] = None
    ended: Optional[datetime] = None


class Decision(NamedTuple):
    """What a policy decided of a trial at one of its reports, with the numbers it decided by."""

    run_id: str
    report: int
    """How many values the trial had logged."""
    value: Optional[float]
    """What was compared: the trial's best so far."""
    bound: Optional[float]
    """What it was compared with; None when there was nothing to compare."""
    ends: bool
    """Whether the trial is ended."""
    why: str
    """The rule with its numbers, in words."""
    when: datetime
    attempt: int = 1
    """The attempt of the trial's run that made the report."""
