"""Requests and answers about runs."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.environment import Lock
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.wire.files import RunFile


class SubmitRun(NamedTuple):
    """A job to run. Its snapshot travels as entries; a second call follows when blobs are missing."""

    experiment: str
    job: Job
    """With an empty snapshot_id."""
    snapshot: List[Entry]
    submission_id: str
    """Chosen by the client: sending the same submission twice gives the same run."""
    run_id: Optional[str] = None
    display_name: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}
    properties: Dict[str, str] = {}


class SubmitAnswer(NamedTuple):
    """The run; or the blobs to send first, and then nothing was recorded."""

    run: Optional[Run]
    missing: List[str]


class RunQuery(NamedTuple):
    """Runs, newest first."""

    experiment: Optional[str] = None
    status: Optional[str] = None
    limit: int = 50
    before: Optional[int] = None
    """Rows older than this cursor."""


class RunPage(NamedTuple):
    runs: List[Run]
    next: Optional[int]


class WatchQuery(NamedTuple):
    """Wait until the record's revision is beyond `after`, at most `wait_s` seconds."""

    after: int = -1
    wait_s: float = 0.0


class RunChanges(NamedTuple):
    run: Run
    files: List[RunFile]


class RunDetails(NamedTuple):
    """All of a run but its bytes."""

    run: Run
    job: Optional[Job]
    lock: Optional[Lock]
    files: List[RunFile]


class Metrics(NamedTuple):
    """Values as `get_metrics` shapes them (v1-behaviours 4.5)."""

    values: Dict[str, Any]


class MetricQuery(NamedTuple):
    name: Optional[str] = None


class PutFiles(NamedTuple):
    """Files that a running job hands in before it ends."""

    entries: List[Entry]
