"""Submit a job: check all of it, record the run, and send it on to be prepared or queued."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime

from amlet.base import names
from amlet.base.errors import FieldError, InvalidInput, NotFound
from amlet.base.ids import script_run_id
from amlet.base.paths import relative_path
from amlet.domain import run as runs
from amlet.domain.artifact import Entry, tree_of
from amlet.domain.compute import COMPUTE_INSTANCE, LOCAL
from amlet.domain.environment import Lock
from amlet.domain.job import COMMUNICATORS, JOBLIB, PROCESSES_LIMIT, RETRIES_LIMIT, Job, parameters_of
from amlet.domain.run import Run, RunWarning, Stage
from amlet.operations.datasets import check_job_data, note_job_data, with_data
from amlet.operations.describe import check_spec, version_for
from amlet.operations.edit import check_marks
from amlet.operations.ensure import ensure_experiment
from amlet.operations.room import is_here
from amlet.operations.texts import faults_of_argument, faults_of_label, faults_of_variables
from amlet.operations.transitions import RECONCILE, enter_queue, moved, save
from amlet.operations.waiting import usual
from amlet.store.base import FileRecord, Transaction
from amlet.wire.runs import SubmitAnswer, SubmitRun

Ready = Callable[[str, bool], "Lock | None"]
"""What a spec of this content resolved to; when it is to be built on this machine, only with its build at hand."""


SUBMISSION_ID_LIMIT = 200


def submit(tx: Transaction, workspace_id: str, asked: SubmitRun, ready: Ready, now: datetime) -> SubmitAnswer:
    """Record a run of the job.

    Sending the same submission twice gives the same run. When blobs of the snapshot are missing, nothing is recorded
    and the answer names them.

    Raises:
        InvalidInput: with every fault of the submission.
        NotFound: for an unknown compute target.
        Conflict: if the run id is taken.
    """
    earlier = tx.runs.submitted(workspace_id, asked.submission_id)
    if earlier is not None:
        return SubmitAnswer(earlier, [])
    check_submission(tx, workspace_id, asked)
    missing = tx.blobs.missing([entry.sha256 for entry in [*asked.snapshot, *asked.files]])
    if missing:
        return SubmitAnswer(None, missing)

    run_id = asked.run_id or script_run_id(asked.experiment, int(now.timestamp()))
    run, job = new_run(tx, workspace_id, asked, run_id, runs.SCRIPT_RUN, now)
    lock = ready(job.environment.content_key(), is_here(tx, run.pool))
    run = add_run(tx, sent_on(run, lock, now), job, asked)
    let_on(tx, run, job)
    return SubmitAnswer(run, [])


def new_run(
    tx: Transaction, workspace_id: str, asked: SubmitRun, run_id: str, kind: str, now: datetime
) -> tuple[Run, Job]:
    """A checked submission, all of whose blobs are there, as a run of a kind: what it needs is recorded, it is not."""
    tree = tree_of(asked.snapshot)
    tx.trees.add(tree)
    experiment = ensure_experiment(tx, workspace_id, asked.experiment, now)
    spec = version_for(tx, workspace_id, asked.job.environment, now)
    job = asked.job._replace(snapshot_id=tree.id, environment=spec)
    job = with_data(tx, workspace_id, job)
    return (
        Run(
            workspace_id=workspace_id,
            id=run_id,
            experiment=experiment.name,
            number=0,
            type=kind,
            status=runs.NOT_STARTED,
            display_name=asked.display_name or run_id,
            target=job.target,
            attempt=0,
            tags=asked.tags,
            properties={
                **facts_of(job),
                **asked.properties,
            },
            stages=[],
            warnings=[],
            error=None,
            waiting_for=None,
            lock_id=None,
            created=now,
            started=None,
            ended=None,
            revision=0,
            description=asked.description,
            parent_id=asked.parent_id,
            parameters=parameters_of(job.arguments),
        ),
        job,
    )


def add_run(tx: Transaction, run: Run, job: Job, asked: SubmitRun) -> Run:
    """Record a new run with its job, its data and the files that came with it."""
    run = tx.runs.add(run, job, asked.submission_id)
    if job.inputs or job.outputs:
        note_job_data(tx, run, job)
    if asked.files:
        records = [FileRecord(entry.path, entry.size_bytes, entry.sha256, None) for entry in asked.files]
        tx.files.put(run.workspace_id, run.id, records)
    return run


def facts_of(job: Job) -> dict[str, str]:
    """What the properties of a run say of its job."""
    return {
        "_azureml.ComputeTargetType": "local" if job.target == LOCAL else "amlcompute",
        runs.SNAPSHOT: job.snapshot_id,
    }


def sent_on(run: Run, lock: Lock | None, now: datetime) -> Run:
    """A new run as it is recorded: in the queue with its lock, or being prepared when there is none yet."""
    run = moved(run, runs.STARTING, now)
    return moved(run, runs.PREPARING, now) if lock is None else _queued(run, lock, now, "cache hit")


def let_on(tx: Transaction, run: Run, job: Job) -> None:
    """Let a run that was recorded as sent on have its nodes, or its build."""
    if run.status == runs.QUEUED:
        enter_queue(tx, run, job)
    tx.touch(RECONCILE)


def enqueue(tx: Transaction, run: Run, lock: Lock, now: datetime, *, prepared: str) -> Run:
    """Hand a prepared run to the nodes of its target.

    Args:
        prepared: A word on the prepare stage.
    """
    run = save(tx, _queued(run, lock, now, prepared))
    enter_queue(tx, run)
    return run


def _queued(run: Run, lock: Lock, now: datetime, prepared: str) -> Run:
    stages = [*run.stages]
    if stages[-1].name == "prepare":
        stages[-1] = stages[-1]._replace(detail=prepared)
    else:
        stages[-1] = stages[-1]._replace(ended=now)
        stages.append(Stage("prepare", now, now, prepared))
    warnings = [*run.warnings, *(RunWarning("environment", note) for note in lock.notes)]
    run = run._replace(stages=stages, warnings=warnings, lock_id=lock.id)
    return moved(run, runs.QUEUED, now, waiting_for=usual(run.target))


def check_submission(
    tx: Transaction, workspace_id: str, asked: SubmitRun, others: Sequence[FieldError] = (), subject: str = ""
) -> None:
    """Check all of a submission.

    Args:
        others: What else is wrong, told together with what is found here.

    Raises:
        InvalidInput: with every fault.
        NotFound: for an unknown compute target.
    """
    tx.workspaces.get(workspace_id)
    faults: list[FieldError] = []

    def look(path: str, check: Callable[[], object]) -> None:
        try:
            check()
        except InvalidInput as error:
            faults.append(FieldError(path, error.message))

    look("experiment", lambda: names.EXPERIMENT.check(asked.experiment))
    look("job.environment", lambda: faults.extend(_below("job.environment", check_spec(asked.job.environment))))
    if asked.run_id is not None:
        look("run_id", lambda: names.RUN_ID.check(asked.run_id))
    faults += faults_of_label("submission_id", asked.submission_id, SUBMISSION_ID_LIMIT)
    marks = check_marks(asked.tags, asked.properties, asked.display_name, asked.description)
    faults += [FieldError(*fault) for fault in marks]
    faults += check_entries(asked.snapshot)
    faults += check_entries(asked.files)
    if asked.parent_id is not None:
        tx.runs.get(workspace_id, asked.parent_id)
    job = asked.job
    if (job.script is None) == (job.command is None):
        faults.append(FieldError("job", "needs a script or a command, and not both"))
    elif job.script is not None and job.script not in {entry.path for entry in asked.snapshot}:
        faults.append(FieldError("job.script", f"{job.script!r} is not in the snapshot"))
    for number, argument in enumerate(job.arguments):
        faults += faults_of_argument(f"job.arguments[{number}]", argument)
    faults += faults_of_argument("job.command", job.command or "")
    faults += faults_of_variables("job.variables", job.variables)
    faults += faults_of_spread(job)
    faults += check_job_data(tx, workspace_id, job)
    if job.max_duration_s is not None and job.max_duration_s < 0:
        faults.append(FieldError("job.max_duration_s", f"must be 0 or more, got {job.max_duration_s}"))
    if not 0 <= job.retries <= RETRIES_LIMIT:
        faults.append(FieldError("job.retries", f"must be from 0 to {RETRIES_LIMIT}, got {job.retries}"))
    for number, code in enumerate(job.retry_codes):
        if not 1 <= code <= 255:
            faults.append(FieldError(f"job.retry_codes[{number}]", f"an exit code is from 1 to 255, got {code}"))
    faults += others
    if faults:
        raise InvalidInput.of(faults, subject=subject or "the submission")
    target = None if job.target == LOCAL else tx.computes.find(workspace_id, job.target)
    if target is None and job.target != LOCAL:
        raise no_compute_target(tx, workspace_id, job.target)
    most = target.max_nodes if target is not None else 1
    if target is not None and target.takes_runs and target.kind == COMPUTE_INSTANCE:
        most = 1
    if job.node_count > most:
        raise InvalidInput(
            f"The run needs {job.node_count} nodes at once, and {job.target} has at most {most}.",
            hint="ask for fewer nodes, or give an AmlCompute target more: AmlCompute.update(max_nodes=...).",
        )
    if target is not None and not target.takes_runs:
        raise InvalidInput(
            f'Compute target "{target.name}" serves models: no run can be submitted to it.',
            hint='use an AmlCompute target, or "local".',
        )


def faults_of_spread(job: Job) -> list[FieldError]:
    """What is wrong with how a job is spread over nodes and processes."""
    faults = []
    if job.node_count < 1:
        faults.append(FieldError("job.node_count", f"must be 1 or more, got {job.node_count}"))
    if not 1 <= job.processes_per_node <= PROCESSES_LIMIT:
        said = f"must be from 1 to {PROCESSES_LIMIT}, got {job.processes_per_node}"
        faults.append(FieldError("job.processes_per_node", said))
    if job.communicator and job.communicator not in COMMUNICATORS:
        said = f"must be one of {', '.join(COMMUNICATORS)} or empty, got {job.communicator[:100]!r}"
        faults.append(FieldError("job.communicator", said))
    if job.communicator == JOBLIB and (job.script is None or job.processes_per_node > 1):
        said = "Joblib spreads a script's own n_jobs: give script and arguments, no command"
        faults.append(FieldError("job.communicator", said))
    return faults


def _below(path: str, faults: list[FieldError]) -> list[FieldError]:
    return [FieldError(f"{path}.{fault.path}", fault.message) for fault in faults]


def check_entries(entries: list[Entry]) -> list[FieldError]:
    """Faults of a list of files: bad paths, paths that are there twice, bad digests."""
    faults: list[FieldError] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        try:
            relative_path(entry.path)
        except InvalidInput as error:
            faults.append(FieldError(f"entries[{number}]", error.message))
        if entry.path in seen:
            faults.append(FieldError(f"entries[{number}]", f"{entry.path!r} is there twice"))
        seen.add(entry.path)
        if len(entry.sha256) != 64 or set(entry.sha256) - set("0123456789abcdef") or entry.size_bytes < 0:
            faults.append(FieldError(f"entries[{number}]", "needs a sha256 in lower-case hex and a size"))
    # With the lowest character in the place of the slash, what lies below a file follows right after it.
    ordered = sorted(path.replace("/", "\x00") for path in seen)
    for path, following in itertools.pairwise(ordered):
        if following.startswith(path + "\x00"):
            names_of_both = [text.replace("\x00", "/")[:200] for text in (path, following)]
            faults.append(FieldError("entries", "{!r} is a file: {!r} cannot lie below it".format(*names_of_both)))
    return faults


def no_compute_target(tx: Transaction, workspace_id: str, name: str) -> NotFound:
    """The error for an unknown target, with the nearest name."""
    known = [LOCAL, *(target.name for target in tx.computes.list(workspace_id))]
    workspace = tx.workspaces.get(workspace_id)
    return NotFound(
        f'There is no compute target "{name}" in workspace "{workspace.name}".',
        hint=names.closest(name, known) + "it has: " + ", ".join(known) + ".",
    )
