"""What is said of a registered model after it was made: tags, stages, aliases, and their history."""

from __future__ import annotations

from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.domain.model import ALIASED, EDITED, STAGED, STAGES, UNALIASED, Alias, Event, Model
from amlet.operations.edit import check_marks
from amlet.operations.register import LABEL_LIMIT, check_resources, faults_of_links, find_model
from amlet.operations.texts import faults_of_label
from amlet.store.base import Transaction
from amlet.wire.models import EditModel, Rollback, SetAlias

WHY_LIMIT = 1000


def edit_model(tx: Transaction, workspace_id: str, name: str, version: int, asked: EditModel, now: datetime) -> Model:
    """Change what is said of a version (v1-behaviours 14.6). Asked twice, it changes nothing more.

    Raises:
        InvalidInput: with every fault.
        Conflict: for a property that has another value: properties never change.
    """
    model = find_model(tx, workspace_id, name, version)
    _check(asked)
    taken = sorted(key for key, value in asked.add_properties.items() if model.properties.get(key, value) != value)
    if taken:
        raise Conflict(
            f"Model {model.id} has {', '.join(taken)} already: properties are immutable.",
            hint="use tags for what changes, or a new name for the property.",
        )
    tags = dict(model.tags if asked.tags is None else asked.tags)
    tags = {key: value for key, value in tags.items() if key not in asked.remove_tags} | asked.add_tags
    stage = model.stage if asked.stage is None else asked.stage or None
    held = {use.purpose: use for use in [*model.datasets, *asked.add_datasets]}
    changed = model._replace(
        tags=tags,
        properties={**model.properties, **asked.add_properties},
        description=model.description if asked.description is None else asked.description,
        resources=asked.resources or model.resources,
        sample_input=asked.sample_input or model.sample_input,
        sample_output=asked.sample_output or model.sample_output,
        datasets=list(held.values()) if asked.add_datasets else model.datasets,
        stage=stage,
    )
    if changed == model:
        return model
    tx.models.save(changed)
    fields = [field for field in Model._fields if field != "stage" and getattr(changed, field) != getattr(model, field)]
    if fields:
        tx.models.note(workspace_id, name, Event(now, EDITED, version, ", ".join(fields), asked.by, asked.why))
    if changed.stage != model.stage:
        tx.models.note(workspace_id, name, Event(now, STAGED, version, changed.stage or "none", asked.by, asked.why))
    return changed


def set_alias(tx: Transaction, workspace_id: str, name: str, asked: SetAlias, now: datetime) -> list[Alias]:
    """Let an alias stand for a version, or for none; the history keeps what it stood for.

    Raises:
        InvalidInput: for what cannot be an alias.
        NotFound: if there is no such version.
    """
    _check_said(asked.by, asked.why)
    names.ALIAS.check(asked.alias)
    if asked.alias in STAGES:
        raise InvalidInput(f"{asked.alias} is a stage, not an alias.", hint="`amlet models alias --stage` sets it.")
    find_model(tx, workspace_id, name, asked.version)
    before = {held.alias: held.version for held in tx.models.aliases(workspace_id, name)}.get(asked.alias)
    if before != asked.version:
        tx.models.set_alias(workspace_id, name, asked.alias, asked.version)
        what = UNALIASED if asked.version is None else ALIASED
        event = Event(now, what, asked.version, asked.alias, asked.by, asked.why, before)
        tx.models.note(workspace_id, name, event)
    return tx.models.aliases(workspace_id, name)


def roll_back(tx: Transaction, workspace_id: str, name: str, asked: Rollback, now: datetime) -> list[Alias]:
    """Let an alias stand for the version before the present one: one step a call, ever further back.

    Versions that were deleted are passed over.

    Raises:
        NotFound: if the alias stands for nothing.
        Conflict: if it stood for nothing else before.
    """
    _check_said(asked.by, asked.why)
    find_model(tx, workspace_id, name, None)
    present = {held.alias: held.version for held in tx.models.aliases(workspace_id, name)}.get(asked.alias)
    if present is None:
        listed = ", ".join(held.alias for held in tx.models.aliases(workspace_id, name)) or "none"
        raise NotFound(f"Model {name} has no alias {asked.alias[:100]!r}.", hint=f"its aliases: {listed}.")
    for version in _line(tx.models.history(workspace_id, name), asked.alias)[1:]:
        if tx.models.find(workspace_id, name, version) is not None:
            why = asked.why or f"rolled back from version {present}"
            return set_alias(tx, workspace_id, name, SetAlias(asked.alias, version, asked.by, why), now)
    raise Conflict(
        f"Alias {asked.alias} of model {name} stood for no other version before {present}.",
        hint=f"`amlet models alias {name}:VERSION {asked.alias}` sets it to any version.",
    )


def _line(history: list[Event], alias: str) -> list[int]:
    """The versions that an alias stood for, the present one first. A step back takes the last one off the line."""
    line: list[int] = []
    for event in reversed(history):
        if event.what != ALIASED or event.detail != alias or event.version is None:
            continue
        if len(line) > 1 and line[-2] == event.version:
            line.pop()
        else:
            line.append(event.version)
    return line[::-1]


def _check(asked: EditModel) -> None:
    tags = {**(asked.tags or {}), **asked.add_tags}
    marks = check_marks(tags, asked.add_properties, None, asked.description)
    faults = [FieldError(path, message) for path, message in marks]
    faults += faults_of_links(asked.add_datasets, asked.sample_input, asked.sample_output)
    if asked.resources is not None:
        faults += check_resources(asked.resources)
    if asked.stage and asked.stage not in STAGES:
        faults.append(FieldError("stage", f"{asked.stage[:50]!r} is none of {', '.join(STAGES)}"))
    faults += _faults_of_said(asked.by, asked.why)
    if faults:
        raise InvalidInput.of(faults, subject="the model")


def _check_said(by: str, why: str | None) -> None:
    if faults := _faults_of_said(by, why):
        raise InvalidInput.of(faults, subject="the request")


def _faults_of_said(by: str, why: str | None) -> list[FieldError]:
    return faults_of_label("by", by, LABEL_LIMIT) + faults_of_label("why", why or "", WHY_LIMIT)
