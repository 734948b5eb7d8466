"""Which run a command line means: an id, the end of one, or `latest`."""

from __future__ import annotations

from amlet.base.errors import InvalidInput, NotFound
from amlet.base.names import RUN_ID, closest
from amlet.domain.run import Run
from amlet.sdk.connection import Connection
from amlet.wire.runs import RunQuery

LATEST = "latest"
PAGE = 1000
LOOKED_AT = 10_000
"""Runs among which the end of an id is looked for, newest first."""


def find_run(held: Connection, text: str, *, trashed: bool = False) -> Run:
    """The run that `text` means.

    Args:
        trashed: `latest` and the end of an id are looked for in the trash, in place of outside of it.

    Raises:
        NotFound: no run has that id, nor ends so.
        InvalidInput: several do.
    """
    if text == LATEST:
        runs = held.client.runs.list(held.workspace_id, RunQuery(limit=1, trashed=trashed)).runs
        if not runs and trashed:
            raise NotFound(f'The trash of workspace "{held.names.name}" is empty.', hint="`amlet ps --all` lists runs.")
        if not runs:
            raise NotFound(
                f'Workspace "{held.names.name}" has no runs yet.',
                hint="`amlet submit SCRIPT` makes one; `amlet quickstart` shows how.",
            )
        return runs[0]
    if RUN_ID.allows(text):
        try:
            return held.client.runs.get(held.workspace_id, text).run
        except NotFound:
            pass
    return _ends_with(held, text, trashed=trashed)


def _ends_with(held: Connection, text: str, *, trashed: bool) -> Run:
    fitting: list[Run] = []
    known: list[str] = []
    before: int | None = None
    while len(known) < LOOKED_AT:
        query = RunQuery(limit=PAGE, before=before, recursive=True, trashed=trashed)
        page = held.client.runs.list(held.workspace_id, query)
        known += [run.id for run in page.runs]
        fitting += [run for run in page.runs if text and run.id.endswith(text)]
        before = page.next
        if before is None or not page.runs:
            break
    if not fitting:
        lists = "`amlet ps --trash` lists what lies there" if trashed else "`amlet ps --all` lists the runs"
        raise NotFound(
            f'No run "{text}" in {"the trash of " if trashed else ""}workspace "{held.names.name}".',
            hint=closest(text, known[:PAGE]) + f"{lists}; `latest` is the newest.",
        )
    if len(fitting) > 1:
        some = ", ".join(run.id for run in fitting[:5])
        raise InvalidInput(
            f"{len(fitting)} runs end with {text!r}: {some}{', ...' if len(fitting) > 5 else ''}.",
            hint="give more of the id.",
        )
    return fitting[0]
