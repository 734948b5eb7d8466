"""Register a model: the next version of a name, from files of a run or files that were sent."""

from __future__ import annotations

import re
from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.domain.artifact import Entry, tree_of
from amlet.domain.environment import Lock
from amlet.domain.model import (
    DELETED,
    FRAMEWORKS,
    REGISTERED,
    SCIKITLEARN,
    STAGES,
    DatasetUse,
    Event,
    Model,
    Resources,
)
from amlet.domain.run import SNAPSHOT, Run
from amlet.operations.submit import check_entries
from amlet.operations.texts import faults_of_label
from amlet.store.base import FileRecord, ModelFilter, Transaction
from amlet.wire.models import RegisterAnswer, RegisterModel

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_\-]{0,99}")
"""It becomes part of a requirement when a service of the model needs an environment."""

LABEL_LIMIT = 500

RESOURCE_LIMIT = 100_000
"""Cores, gigabytes: beyond any machine."""


def register(tx: Transaction, workspace_id: str, asked: RegisterModel, now: datetime) -> RegisterAnswer:
    """Make the next version (v1-behaviours 14.1-14.3). When blobs are missing, nothing is recorded.

    Raises:
        InvalidInput: with every fault of the request.
        NotFound: if the run has no file of that path; its files are listed.
    """
    tx.workspaces.get(workspace_id)
    check_registration(asked)
    earlier = tx.requests.find(workspace_id, asked.request_id)
    if earlier is not None:
        return RegisterAnswer(find_model(tx, workspace_id, asked.name, int(earlier)), [])
    run, lock = None, None
    if asked.run_id is not None:
        run = tx.runs.get(workspace_id, asked.run_id)
        lock = tx.locks.get(run.lock_id) if run.lock_id else None
        entries = _files_of_run(tx, run, asked.path or asked.name)
    else:
        entries = asked.entries or []
        missing = tx.blobs.missing([entry.sha256 for entry in entries])
        if missing:
            return RegisterAnswer(None, missing)
    if asked.parent_id is not None:
        model_of_id(tx, workspace_id, asked.parent_id)
    tree = tree_of(entries)
    tx.trees.add(tree)
    model = Model(
        workspace_id=workspace_id,
        name=asked.name,
        version=tx.models.next_version(workspace_id, asked.name),
        tree_id=tree.id,
        framework=asked.framework,
        framework_version=asked.framework_version,
        run_id=run.id if run else None,
        experiment=run.experiment if run else None,
        lock_id=lock.id if lock else None,
        description=asked.description,
        tags=asked.tags,
        properties=asked.properties,
        resources=asked.resources,
        size_bytes=tree.size_bytes,
        created=now,
        created_by=asked.by,
        snapshot_id=run.properties.get(SNAPSHOT) if run else None,
        parent_id=asked.parent_id,
        datasets=asked.datasets,
        sample_input=asked.sample_input,
        sample_output=asked.sample_output,
    )
    tx.models.add(model)
    made = f"from run {run.id}" if run else "from files"
    tx.models.note(workspace_id, model.name, Event(now, REGISTERED, model.version, made, asked.by, None))
    tx.requests.add(workspace_id, asked.request_id, str(model.version), now)
    return RegisterAnswer(model, [], _notes(asked, lock))


def unregister(tx: Transaction, workspace_id: str, name: str, version: int, by: str, now: datetime) -> None:
    """Delete a version that no service uses (v1-behaviours 14.6). Its history stays."""
    if faults := faults_of_label("by", by, LABEL_LIMIT):
        raise InvalidInput.of(faults, subject="the request")
    model = find_model(tx, workspace_id, name, version)
    for record in tx.services.list(workspace_id):
        service, earlier = record.service, record.earlier
        if model.id in service.model_ids or (earlier is not None and model.id in earlier.deployment.model_ids):
            raise Conflict(f'Model {model.id} is used by service "{service.name}".', hint="delete the service first.")
    tx.models.delete(workspace_id, name, version)
    tx.models.note(workspace_id, name, Event(now, DELETED, version, "", by, None))


def check_resources(asked: Resources) -> list[FieldError]:
    """Faults of a request for resources: each is a number a machine might have. NaN and infinity are none."""
    return [
        FieldError(f"resources.{name}", f"must be more than 0 and at most {RESOURCE_LIMIT:,}, got {value}")
        for name, value in asked._asdict().items()
        if value is not None and not 0 < value <= RESOURCE_LIMIT
    ]


def find_model(tx: Transaction, workspace_id: str, name: str, version: int | None) -> Model:
    """A model by name, the latest when no version is given; NotFound with the nearest name."""
    model = tx.models.find(workspace_id, name, version)
    if model is None:
        kept = sorted({model.name for model in tx.models.list(workspace_id, ModelFilter())})
        what = f"Model {name}:{version}" if version else f"Model with name {name}"
        raise NotFound(
            f"{what} is not in this workspace.",
            hint=names.closest(name, kept) + ("it has: " + ", ".join(kept[:10]) if kept else "it has no models yet."),
        )
    return model


def model_of_id(tx: Transaction, workspace_id: str, model_id: str) -> Model:
    """The model of an id such as `iris:1`, or of `iris@champion`."""
    name, mark, version = model_id.rpartition(":")
    if mark and name and version.isascii() and version.isdigit() and len(version) <= 9:
        return find_model(tx, workspace_id, name, int(version))
    name, mark, alias = model_id.rpartition("@")
    if mark and name:
        return aliased(tx, workspace_id, name, alias)
    raise InvalidInput(f"{model_id[:300]!r} is not a model's id.", hint="it has the form name:version, such as iris:1.")


def aliased(tx: Transaction, workspace_id: str, name: str, alias: str) -> Model:
    """The version that an alias stands for, or the latest of a stage; NotFound with those that there are."""
    if alias in STAGES:
        for model in tx.models.list(workspace_id, ModelFilter(name=name)):
            if model.stage == alias:
                return model
    aliases = {held.alias: held.version for held in tx.models.aliases(workspace_id, name)}
    if alias in aliases:
        return find_model(tx, workspace_id, name, aliases[alias])
    find_model(tx, workspace_id, name, None)
    listed = ", ".join(sorted(aliases)) or "none"
    raise NotFound(
        f"Model {name} has no alias {alias[:100]!r}.",
        hint=names.closest(alias, list(aliases)) + f"its aliases: {listed}.",
    )


def faults_of_links(
    datasets: list[DatasetUse], sample_input: str | None, sample_output: str | None
) -> list[FieldError]:
    """Faults of the datasets that a model names."""
    faults: list[FieldError] = []
    for index, use in enumerate(datasets):
        faults += faults_of_label(f"datasets.{index}.purpose", use.purpose, LABEL_LIMIT)
        faults += faults_of_label(f"datasets.{index}.id", use.id, LABEL_LIMIT)
    for name, value in (("sample_input", sample_input), ("sample_output", sample_output)):
        if value is not None:
            faults += faults_of_label(name, value, LABEL_LIMIT)
    return faults


def check_registration(asked: RegisterModel) -> None:
    """Refuse a request that no files could mend.

    Raises:
        InvalidInput: with every fault.
    """
    faults: list[FieldError] = faults_of_links(asked.datasets, asked.sample_input, asked.sample_output)
    faults += faults_of_label("by", asked.by, LABEL_LIMIT)
    if not names.MODEL.allows(asked.name):
        faults.append(FieldError("name", f"{asked.name!r} cannot name a model: {names.MODEL.words}"))
    if asked.framework is not None and asked.framework not in FRAMEWORKS:
        faults.append(FieldError("framework", f"{asked.framework!r} is none of {', '.join(FRAMEWORKS)}"))
    if asked.framework_version is not None and not VERSION.fullmatch(asked.framework_version):
        faults.append(FieldError("framework_version", f"{asked.framework_version[:50]!r} is not a version"))
    if asked.framework_version is not None and asked.framework is None:
        faults.append(FieldError("framework_version", "needs a framework beside it"))
    if asked.resources is not None:
        faults += check_resources(asked.resources)
    if (asked.run_id is None) == (asked.entries is None):
        faults.append(FieldError("", "needs files of a run or files of its own, and not both"))
    if asked.entries is not None:
        faults += check_entries(asked.entries)
        if not asked.entries:
            faults.append(FieldError("entries", "a model needs at least one file"))
    if faults:
        raise InvalidInput.of(faults, subject="the model")


def _files_of_run(tx: Transaction, run: Run, path: str) -> list[Entry]:
    """The run's file of that path, or those below it, named as a service will see them (v1-behaviours 15.18)."""
    path = path.strip("/").removeprefix("./")
    held = tx.files.list(run.workspace_id, run.id)
    base = path.rpartition("/")[2]
    chosen = [
        Entry(base + file.path[len(path) :], file.sha256, file.size_bytes)
        for file in held
        if file.sha256 is not None and (file.path == path or file.path.startswith(path + "/"))
    ]
    if not chosen:
        raise NotFound(_no_such_file(run, path, held), hint=_hint_for(run, path, base, held))
    return chosen


def _no_such_file(run: Run, path: str, held: list[FileRecord]) -> str:
    listed = ", ".join(file.path for file in held[:30]) or "none"
    more = f" and {len(held) - 30} more" if len(held) > 30 else ""
    return f'Run {run.id} has no file "{path}" and none below it. Its files: {listed}{more}.'


def _hint_for(run: Run, path: str, base: str, held: list[FileRecord]) -> str:
    for warning in run.warnings:
        if warning.source == "outputs" and base in warning.message:
            return f"the script wrote {base} outside ./outputs, where files are not kept: write it to outputs/{base}."
    if not run.is_over:
        return f"the run is {run.status}: its outputs are there when it has ended."
    same = [file.path for file in held if file.path.rpartition("/")[2] == base]
    if same:
        return f'did you mean model_path="{same[0]}"?'
    near = names.closest(path, [file.path for file in held])
    return near + "a run keeps what its script writes to ./outputs and ./logs."


def _notes(asked: RegisterModel, lock: Lock | None) -> list[str]:
    """A version that is not the one trained with is said; the recorded lock serves (v1-behaviours 20, rows 8 and 9)."""
    if lock is None or asked.framework != SCIKITLEARN or asked.framework_version is None:
        return []
    trained = lock.version_of("scikit-learn")
    if trained is None or trained == asked.framework_version:
        return []
    note = (
        f"model_framework_version={asked.framework_version!r} is not what the run trained with: that was scikit-learn "
        f"{trained}, and services of this model run on it."
    )
    return [note]
