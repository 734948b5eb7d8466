"""Change what people say of a run: names, tags, properties."""

from __future__ import annotations

from collections.abc import Mapping

from amlet.base.errors import Conflict, FieldError, InvalidInput
from amlet.domain.run import Run
from amlet.operations.texts import faults_of_label
from amlet.operations.transitions import save
from amlet.store.base import Transaction
from amlet.wire.runs import UpdateRun

KEY_LIMIT = 100
VALUE_LIMIT = 1_000
NAME_LIMIT = 256
DESCRIPTION_LIMIT = 5_000
"""v1-behaviours 3.13; the number of tags is not limited."""


def update_run(tx: Transaction, workspace_id: str, run_id: str, asked: UpdateRun) -> Run:
    """Change a run, also one that is over (v1-behaviours 7.7, 7.8).

    Raises:
        InvalidInput: with every fault.
        Conflict: if a property is there with another value.
    """
    run = tx.runs.get(workspace_id, run_id)
    faults = check_marks(asked.set_tags, asked.add_properties, asked.display_name, asked.description)
    if faults:
        raise InvalidInput.of([FieldError(*fault) for fault in faults], subject="the run")
    changed = [
        key for key, value in asked.add_properties.items() if key in run.properties and run.properties[key] != value
    ]
    if changed:
        raise Conflict(
            f"Properties are immutable, and run {run_id} has these with other values: {', '.join(changed)}.",
            hint="use a tag for what changes.",
        )
    tags = {key: value for key, value in run.tags.items() if key not in asked.remove_tags}
    changes = run._replace(
        tags={**tags, **asked.set_tags},
        properties={**run.properties, **asked.add_properties},
        display_name=run.display_name if asked.display_name is None else asked.display_name,
        description=run.description if asked.description is None else asked.description,
        error=run.error if asked.error is None or run.is_over else asked.error,
    )
    return run if changes == run else save(tx, changes)


def check_marks(
    tags: Mapping[str, str | None], properties: Mapping[str, str], display_name: str | None, description: str | None
) -> list[tuple[str, str]]:
    """Faults of tags, properties and names: where, and what is wrong."""
    faults = []
    for noun, marks in (("tags", tags), ("properties", properties)):
        for key, value in marks.items():
            if not key or len(key) > KEY_LIMIT or len(value or "") > VALUE_LIMIT:
                words = f"a key has 1 to {KEY_LIMIT} characters, a value at most {VALUE_LIMIT:,}"
                faults.append((f"{noun}.{key[:KEY_LIMIT]}", words))
            elif not _is_text(key) or not _is_text(value or ""):
                faults.append((f"{noun}.{key!a}", "is not valid Unicode"))
    faults += [(fault.path, fault.message) for fault in faults_of_label("display_name", display_name or "", NAME_LIMIT)]
    if description is not None and (len(description) > DESCRIPTION_LIMIT or not _is_text(description)):
        faults.append(("description", f"must be a text of at most {DESCRIPTION_LIMIT:,} characters"))
    return faults


def _is_text(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
