"""Datasets: record, register, change, forget; and which runs had them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.base.hashing import sha256_bytes
from amlet.base.ids import uuid4_text
from amlet.domain import data
from amlet.domain.data import DatasetRecord, DataUse, JobInput, JobOutput
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.operations.datastores import find_datastore
from amlet.operations.edit import check_marks
from amlet.operations.texts import faults_of_argument
from amlet.store.base import DatasetFilter, Transaction
from amlet.wire.data import DatasetUse, DatasetUses, ReadDataset, RegisterDataset, UpdateDataset

SOURCES_LIMIT = 10_000


def register(tx: Transaction, workspace_id: str, asked: RegisterDataset, now: datetime) -> DatasetRecord:
    """Record a dataset; with a name, as the next version of it (v1-behaviours 13.9). A dry run records nothing.

    Raises:
        InvalidInput: with every fault of what is asked.
        NotFound: for a datastore that is not there.
        Conflict: the name is taken, or this very definition is registered under it already.
    """
    earlier = tx.requests.find(workspace_id, asked.request_id) if asked.request_id else None
    if earlier is not None:
        return find(tx, workspace_id, earlier)
    _check(tx, workspace_id, asked)
    content = content_of(asked)
    same = tx.datasets.same(workspace_id, content, asked.name)
    if asked.name is None:
        if same is not None:
            return same
    else:
        if same is not None:
            raise Conflict(
                "An identical dataset had already been registered, which can be found with "
                f"Dataset.get_by_name(workspace, name={same.name!r}, version={same.version}).",
            )
        taken = tx.datasets.list(workspace_id, DatasetFilter(asked.name, latest=True))
        if taken and not asked.create_new_version:
            raise Conflict(
                f'There is already a dataset registered under name "{asked.name}".',
                hint="pass create_new_version=True to make its next version.",
            )
    gets_version = asked.name is not None and not asked.dry_run
    made = DatasetRecord(
        workspace_id,
        uuid4_text(),
        asked.kind,
        asked.sources,
        asked.definition,
        now,
        now,
        asked.name,
        tx.datasets.next_version(workspace_id, asked.name or "") if gets_version else None,
        asked.description,
        asked.tags,
    )
    if asked.dry_run:
        return made
    tx.datasets.add(made, content)
    tx.requests.add(workspace_id, asked.request_id, made.id, now)
    return made


def content_of(asked: RegisterDataset) -> str:
    """Equal for equal definitions."""
    told = [asked.kind, [list(source) for source in asked.sources], asked.definition]
    return sha256_bytes(json.dumps(told, sort_keys=True).encode())


def find(tx: Transaction, workspace_id: str, dataset_id: str) -> DatasetRecord:
    """The dataset of that id."""
    found = tx.datasets.find(workspace_id, dataset_id)
    if found is None:
        raise NotFound(f'There is no dataset with the id "{dataset_id[:300]}".', hint="ws.datasets lists them by name.")
    return found


def list_datasets(tx: Transaction, workspace_id: str, chosen: DatasetFilter) -> list[DatasetRecord]:
    """Registered datasets, newest first.

    Raises:
        NotFound: a name, or a version of it, was asked for and is not there.
    """
    found = tx.datasets.list(workspace_id, chosen)
    if chosen.name is not None and not found:
        every = tx.datasets.list(workspace_id, DatasetFilter(latest=True))
        held = next((record for record in every if record.name == chosen.name), None)
        if held is not None:
            raise NotFound(f'Dataset "{chosen.name}" has no version {chosen.version}; its latest is {held.version}.')
        hint = (
            names.closest(chosen.name, [record.name or "" for record in every]) or "ws.datasets lists those there are."
        )
        raise NotFound(f'There is no dataset "{chosen.name[:300]}" in this workspace.', hint=hint)
    return found


def update(tx: Transaction, workspace_id: str, dataset_id: str, asked: UpdateDataset, now: datetime) -> DatasetRecord:
    """Change description and tags."""
    held = find(tx, workspace_id, dataset_id)
    _check_marks(asked.set_tags, asked.description)
    tags = {key: value for key, value in held.tags.items() if key not in asked.remove_tags}
    changed = held._replace(
        tags={**tags, **asked.set_tags},
        description=held.description if asked.description is None else asked.description,
        modified=now,
    )
    tx.datasets.save(changed)
    return changed


def unregister(tx: Transaction, workspace_id: str, name: str) -> None:
    """Take all versions of a name out of the list. Runs that had them keep their ids; the data stays."""
    for record in list_datasets(tx, workspace_id, DatasetFilter(name)):
        tx.datasets.save(record._replace(name=None, version=None))


def note_read(tx: Transaction, workspace_id: str, run_id: str, asked: ReadDataset) -> None:
    """A run reads a registered dataset (v1-behaviours 13.17). What it was given by that id is noted already."""
    record = find(tx, workspace_id, asked.dataset_id)
    held = tx.data_uses.of_run(workspace_id, run_id)
    if any(use.direction == data.INPUT and use.dataset_id == record.id for use in held):
        return
    name = asked.name or record.name or record.id
    tx.data_uses.put(workspace_id, run_id, [_use(data.INPUT, name, data.DIRECT, record)])


def uses_of(tx: Transaction, workspace_id: str, dataset_id: str) -> DatasetUses:
    """The runs that had it, newest first."""
    find(tx, workspace_id, dataset_id)
    found = []
    for run_id, use in tx.data_uses.of_dataset(workspace_id, dataset_id):
        run = tx.runs.get(workspace_id, run_id)
        found.append(DatasetUse(run_id, run.experiment, run.status, use))
    return DatasetUses(found)


def check_job_data(tx: Transaction, workspace_id: str, job: Job) -> list[FieldError]:
    """What is wrong with a job's inputs and outputs."""
    faults: list[FieldError] = []
    seen: set[str] = set()
    groups: list[tuple[str, Sequence[JobInput | JobOutput]]] = [("inputs", job.inputs), ("outputs", job.outputs)]
    for noun, items in groups:
        modes = data.INPUT_MODES if noun == "inputs" else data.OUTPUT_MODES
        for number, item in enumerate(items):
            path = f"job.{noun}[{number}]"
            rule = names.REFERENCE if item.is_reference else names.INPUT
            if not rule.allows(item.name):
                faults.append(FieldError(path, f"{item.name[:100]!r} cannot be its name: {rule.words}"))
            if item.variable in seen:
                faults.append(FieldError(path, f"the name {item.name[:100]!r} is there twice"))
            seen.add(item.variable)
            if item.mode not in modes:
                faults.append(FieldError(path, f"its mode must be one of {', '.join(modes)}, got {item.mode[:50]!r}"))
    for number, given in enumerate(job.inputs):
        path = f"job.inputs[{number}]"
        faults += faults_of_argument(path, given.path_on_compute or "")
        if given.dataset_id is not None:
            if tx.datasets.find(workspace_id, given.dataset_id) is None:
                faults.append(FieldError(path, f"there is no dataset {given.dataset_id[:100]!r}"))
        elif not given.sources:
            faults.append(FieldError(path, "needs a dataset or a path on a datastore"))
        faults += _faults_of_sources(tx, workspace_id, path, given.sources)
    for number, output in enumerate(job.outputs):
        path = f"job.outputs[{number}]"
        faults += faults_of_argument(path, output.source or "")
        faults += _faults_of_sources(tx, workspace_id, path, [output.destination])
        if output.destination.datastore is None or data.is_glob(output.destination.path):
            faults.append(FieldError(path, "needs a folder on a datastore as its destination"))
        if output.registration is not None:
            faults += _faults_of_name(f"{path}.registration", output.registration.name)
    return faults


def with_data(tx: Transaction, workspace_id: str, job: Job) -> Job:
    """The job with the sources of its datasets filled in."""
    inputs = [
        given._replace(sources=find(tx, workspace_id, given.dataset_id).sources) if given.dataset_id else given
        for given in job.inputs
    ]
    return job._replace(inputs=inputs)


def for_run(job: Job, run_id: str) -> Job:
    """The job with the destinations of its outputs as they are for one run: trials of a sweep share a job."""
    return job._replace(outputs=[output._replace(destination=_filled(output, run_id)) for output in job.outputs])


def note_job_data(tx: Transaction, run: Run, job: Job) -> None:
    """What a run is given, and what it will write."""
    job = for_run(job, run.id)
    uses = []
    for given in job.inputs:
        if given.dataset_id is not None:
            record = find(tx, run.workspace_id, given.dataset_id)
            uses.append(_use(data.INPUT, given.name, given.mode, record, given.path_on_compute))
        else:
            uses.append(
                DataUse(data.INPUT, given.name, given.mode, given.sources, path_on_compute=given.path_on_compute)
            )
    uses += [DataUse(data.OUTPUT, output.name, output.mode, [output.destination]) for output in job.outputs]
    tx.data_uses.put(run.workspace_id, run.id, uses)


def settle_outputs(tx: Transaction, run: Run, job: Job, now: datetime) -> None:
    """A run is completed: each output becomes a dataset, registered where that was asked for."""
    for output in for_run(job, run.id).outputs:
        if output.is_reference:
            continue
        wanted = output.registration
        asked = RegisterDataset(
            wanted.kind if wanted else data.FILE_DATASET,
            [output.destination],
            wanted.definition if wanted else {},
            wanted.name if wanted else None,
            wanted.description if wanted else None,
            wanted.tags if wanted else {},
            create_new_version=True,
        )
        same = tx.datasets.same(run.workspace_id, content_of(asked), asked.name)
        record = same or register(tx, run.workspace_id, asked, now)
        tx.data_uses.put(run.workspace_id, run.id, [_use(data.OUTPUT, output.name, output.mode, record)])


def _use(direction: str, name: str, mode: str, record: DatasetRecord, path_on_compute: str | None = None) -> DataUse:
    return DataUse(direction, name, mode, record.sources, record.id, record.name, record.version, path_on_compute)


def _filled(output: JobOutput, run_id: str) -> data.DataPath:
    path = output.destination.path.replace("{run-id}", run_id).replace("{output-name}", output.name)
    return output.destination._replace(path=data.clean_path(path))


def _check(tx: Transaction, workspace_id: str, asked: RegisterDataset) -> None:
    tx.workspaces.get(workspace_id)
    faults: list[FieldError] = []
    if asked.kind not in data.DATASET_KINDS:
        faults.append(FieldError("kind", f"must be one of {', '.join(data.DATASET_KINDS)}, got {asked.kind[:50]!r}"))
    if not 1 <= len(asked.sources) <= SOURCES_LIMIT:
        faults.append(FieldError("sources", f"must be 1 to {SOURCES_LIMIT:,}, got {len(asked.sources):,}"))
    if asked.name is not None:
        faults += _faults_of_name("name", asked.name)
    faults += _faults_of_sources(tx, workspace_id, "sources", asked.sources)
    faults += [FieldError(*fault) for fault in check_marks(dict(asked.tags), {}, None, asked.description)]
    if faults:
        raise InvalidInput.of(faults, subject="the dataset")


def _check_marks(tags: dict[str, str], description: str | None) -> None:
    faults = [FieldError(*fault) for fault in check_marks(dict(tags), {}, None, description)]
    if faults:
        raise InvalidInput.of(faults, subject="the dataset")


def _faults_of_name(path: str, name: str) -> list[FieldError]:
    if names.DATASET.allows(name) and all(letter.isprintable() for letter in name):
        return []
    return [FieldError(path, f"{name[:100]!r} cannot be the name of a dataset: {names.DATASET.words}")]


def _faults_of_sources(
    tx: Transaction, workspace_id: str, path: str, sources: Sequence[data.DataPath]
) -> list[FieldError]:
    faults = []
    for datastore in sorted({source.datastore for source in sources if source.datastore is not None}):
        try:
            find_datastore(tx, workspace_id, datastore)
        except NotFound as error:
            faults.append(FieldError(path, f"{error.message} {error.hint}"))
    for source in sources:
        faults += faults_of_argument(path, source.path)
        if source.datastore is not None and ".." in source.path.replace("\\", "/").split("/"):
            faults.append(FieldError(path, f"{source.path[:200]!r} leads out of its datastore"))
    return faults
