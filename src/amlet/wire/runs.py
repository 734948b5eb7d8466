"""Requests and answers about runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.data import DataUse
from amlet.domain.environment import Lock
from amlet.domain.job import Job
from amlet.domain.run import Run, RunError, RunWarning
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
    description: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}
    properties: Dict[str, str] = {}
    parent_id: Optional[str] = None
    files: List[Entry] = []
    """Files of the run from its start: the uncommitted changes of its sources."""


class SubmitAnswer(NamedTuple):
    """The run; or the blobs to send first, and then nothing was recorded."""

    run: Optional[Run]
    missing: List[str]


class StartRun(NamedTuple):
    """A run whose process is there already: interactive, a child, or one that was offline."""

    experiment: str
    run_id: str
    """Chosen by the client: starting the same run twice gives the same run."""
    name: Optional[str] = None
    display_name: Optional[str] = None
    description: Optional[str] = None
    type: Optional[str] = None
    parent_id: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}
    properties: Dict[str, str] = {}
    target: str = "local"
    started: Optional[datetime] = None
    """When it really began, for one that was offline."""


class StartRuns(NamedTuple):
    """Several at once, all or none."""

    runs: List[StartRun]


class Runs(NamedTuple):
    runs: List[Run]


class JournalPiece(NamedTuple):
    """Whole lines of one journal, from an offset on: the last ones of a run, brought with its end."""

    journal: str
    offset: int
    lines: str
    """ASCII, as a journal is."""


class EndRun(NamedTuple):
    """The end of a run that no node executes. Ending it twice the same way changes nothing."""

    outcome: str
    """Completed, Failed or Canceled."""
    error: Optional[RunError] = None
    warnings: List[RunWarning] = []
    ended: Optional[datetime] = None
    journals: List[JournalPiece] = []
    """What it logged last, kept in the same step. It is a Conflict where what comes before was not drained."""


class UpdateRun(NamedTuple):
    """None, and what is not named, stays as it is."""

    display_name: Optional[str] = None
    description: Optional[str] = None
    set_tags: Dict[str, Optional[str]] = {}
    remove_tags: List[str] = []
    add_properties: Dict[str, str] = {}
    """A key that is there with another value is a Conflict."""
    error: Optional[RunError] = None
    """What the script says of itself by `run.fail`, kept for the run's end."""


class RunQuery(NamedTuple):
    """Runs of a workspace, newest first unless `order` says otherwise."""

    experiment: Optional[str] = None
    status: Optional[str] = None
    limit: int = 50
    before: Optional[int] = None
    """The cursor that the page before gave."""
    type: Optional[str] = None
    parent_id: Optional[str] = None
    """Children of this run."""
    recursive: bool = False
    """With parent_id: the children's children too. Without: children beside the roots."""
    filter: Optional[str] = None
    """`metrics.Accuracy > 0.9 and tags.team = 'x'`; see domain/filter.py."""
    order: Optional[str] = None
    """`metrics.Accuracy desc`, `started`; the cursor then counts rows."""
    tags: Optional[str] = None
    """JSON: {"key": "value"}; a null value asks for the key alone."""
    properties: Optional[str] = None
    """JSON, as tags."""
    trashed: bool = False
    """What lies in the trash, in place of what does not."""


class ChartQuery(NamedTuple):
    """A metric, thinned out for drawing: extremes are kept."""

    name: str
    points: int = 1000


class Chart(NamedTuple):
    """What to draw of one scalar metric, in log order; at most about twice as many points as asked for.

    Attributes:
        place: Of each point within the metric, from 0.
        value: NaN and infinities as they are.
        step: The step given with the value.
        time_s: When it was logged, seconds since the epoch.
        total: How many points the metric has.
    """

    place: List[int]
    value: List[float]
    step: List[Optional[int]]
    time_s: List[float]
    total: int


class TrashQuery(NamedTuple):
    dry_run: bool = False
    now: bool = False
    """Empty it now, whatever its age."""


class TrashAnswer(NamedTuple):
    """What was freed, or would be."""

    runs: int
    blobs: int
    size_bytes: int
    later_bytes: int = 0
    """Of files sent within the last hour, which are freed by themselves once they are older."""


class RunPage(NamedTuple):
    runs: List[Run]
    next: Optional[int]
    ahead: Dict[str, int] = {}
    """Of those in a queue: how many runs come before each."""


class WatchQuery(NamedTuple):
    """Wait until the record's revision is beyond `after`, at most `wait_s` seconds."""

    after: int = -1
    wait_s: float = 0.0


class EndQuery(NamedTuple):
    """Wait until the run is over, at most `wait_s` seconds."""

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
    data: List[DataUse] = []
    """What it read and wrote beside its own files."""


class Metrics(NamedTuple):
    """Values as `get_metrics` shapes them (v1-behaviours 4.5). They travel as lines: `wire/metric_lines.py`."""

    values: Dict[str, Any]
    faults: Dict[str, str] = {}
    """Of metrics whose rows do not fit together, in words; what can be read of them is in `values`."""

    @classmethod
    def read_from(cls, chunks: Iterable[bytes]) -> Metrics:
        """Put them together from lines as they come.

        Raises:
            InvalidInput: for other bytes.
        """
        from amlet.domain.metric import Collator
        from amlet.wire.metric_lines import read_lines

        collators: Dict[str, Collator] = {}
        for line in read_lines(chunks):
            if line.name not in collators:
                collators[line.name] = Collator(line.name)
            collators[line.name].add(line.kind, line.values)
        found = {name: collator.collated() for name, collator in collators.items()}
        faults = {name: held.fault for name, held in found.items() if held.fault is not None}
        return cls({name: held.value for name, held in found.items()}, faults)


class MetricQuery(NamedTuple):
    name: Optional[str] = None


class PutFiles(NamedTuple):
    """Files of a run whose blobs were sent."""

    entries: List[Entry]
    replace: bool = False
    """Take the place of files of other content; without it such a name is a Conflict (v1-behaviours 3.10)."""
