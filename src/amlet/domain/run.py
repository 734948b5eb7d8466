"""Runs: the record of one execution, its statuses and which may follow which."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from amlet.domain.compute import pool_of

NOT_STARTED = "NotStarted"
STARTING = "Starting"
PREPARING = "Preparing"
QUEUED = "Queued"
RUNNING = "Running"
FINALIZING = "Finalizing"
CANCEL_REQUESTED = "CancelRequested"
COMPLETED = "Completed"
FAILED = "Failed"
CANCELED = "Canceled"

TERMINAL: FrozenSet[str] = frozenset((COMPLETED, FAILED, CANCELED))
"""v1-behaviours 2.4."""

TRANSITIONS: Dict[str, FrozenSet[str]] = {
    # An interactive run goes from its making to Running: its process is there already.
    NOT_STARTED: frozenset((STARTING, RUNNING, FAILED, CANCELED)),
    STARTING: frozenset((PREPARING, QUEUED, RUNNING, FAILED, CANCELED)),
    PREPARING: frozenset((QUEUED, FAILED, CANCELED)),
    # A run whose node is lost goes back to the queue from wherever it was.
    QUEUED: frozenset((RUNNING, FAILED, CANCEL_REQUESTED, CANCELED)),
    RUNNING: frozenset((FINALIZING, QUEUED, COMPLETED, FAILED, CANCEL_REQUESTED, CANCELED)),
    FINALIZING: frozenset((COMPLETED, FAILED, QUEUED, CANCELED)),
    CANCEL_REQUESTED: frozenset((CANCELED, COMPLETED, FAILED)),
    COMPLETED: frozenset(),
    FAILED: frozenset(),
    CANCELED: frozenset(),
}
"""Every status and those that may come right after it."""

ACTIVE: Tuple[str, ...] = tuple(status for status in TRANSITIONS if status not in TERMINAL)
"""Statuses of runs that are not over."""

STAGES = ("submit", "prepare", "scale", "run", "finish")

SCRIPT_RUN = "azureml.scriptrun"
"""The type of a submitted script's run (v1-behaviours 2.8)."""


UNCOMMITTED = "system_logs/uncommitted.diff"
"""The file of a run that holds what its sources had beyond the commit, as git tells it."""

PACKAGES = "system_logs/packages.txt"
"""Where an interactive run says what its interpreter had."""

SNAPSHOT = "ContentSnapshotId"
"""The property that names the tree of a run's sources (v1-behaviours 3.4)."""


def allows(before: str, after: str) -> bool:
    """Whether a run may go from one status to the other."""
    return after in TRANSITIONS.get(before, frozenset())


class RunError(NamedTuple):
    """Why a run failed (v1-behaviours 6.8)."""

    code: str
    """`UserError` when the script did it, else `SystemError`."""
    message: str
    type: Optional[str] = None
    """The exception's class, when there was one."""
    stack_trace: Optional[str] = None
    exit_code: Optional[int] = None


class Stage(NamedTuple):
    """One stage of a run's life: one of STAGES, when it began and ended, and a word on it (`cache hit`)."""

    name: str
    started: datetime
    ended: Optional[datetime] = None
    detail: Optional[str] = None


class RunWarning(NamedTuple):
    """Something the user should know, that did not end the run."""

    source: str
    message: str


class PastAttempt(NamedTuple):
    """An attempt that ended, and after which the run was tried again."""

    number: int
    node: Optional[str]
    started: Optional[datetime]
    ended: datetime
    error: RunError


_PAST_LOG = re.compile(r"(user_logs/|logs/)attempt_(\d+)/")


def folder_of_attempt(number: int) -> str:
    """Under which name a run keeps what an attempt made that was followed by another: `attempt_1`."""
    return f"attempt_{number}"


def attempt_of(path: str) -> Optional[Tuple[int, str]]:
    """The attempt that a log was set aside of, and its name before: (1, `logs/a`) of `logs/attempt_1/a`, else None."""
    found = _PAST_LOG.match(path)
    return (int(found[2]), found[1] + path[found.end() :]) if found else None


class Run(NamedTuple):
    """The record of one execution."""

    workspace_id: str
    id: str
    experiment: str
    number: int
    """Counts the runs of the experiment, from 1."""
    type: Optional[str]
    status: str
    display_name: str
    target: str
    attempt: int
    """The number of the current attempt, from 1; 0 before the first."""
    tags: Dict[str, Optional[str]]
    properties: Dict[str, str]
    stages: List[Stage]
    warnings: List[RunWarning]
    error: Optional[RunError]
    waiting_for: Optional[str]
    """Why it does not run yet, in words."""
    lock_id: Optional[str]
    created: datetime
    started: Optional[datetime]
    ended: Optional[datetime]
    revision: int
    """Grows with every change that a watcher would want to see."""
    name: Optional[str] = None
    description: Optional[str] = None
    parent_id: Optional[str] = None
    """The run that this one is a child of, in the same workspace."""
    parameters: Dict[str, str] = {}
    """What the script was called with, by name: for filters and comparisons."""
    trashed: Optional[datetime] = None
    """Since when it lies in the trash, which is emptied after some days."""
    past: List[PastAttempt] = []
    """Attempts that were followed by another, oldest first."""
    again_at: Optional[datetime] = None
    """While it rests between two attempts: when it goes back into the queue."""
    parts: int = 1
    """Of `local`: into how many parts the machine is cut for it. It has one of them."""

    @property
    def pool(self) -> str:
        """The queue that it waits in."""
        return pool_of(self.workspace_id, self.target, self.parts)

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL

    def is_current(self, attempt: int) -> bool:
        """Whether this attempt is the one that counts now."""
        return not self.is_over and self.attempt == attempt and all(held.number != attempt for held in self.past)
