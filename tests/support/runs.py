"""Quick runs over the wire: this Python runs them, nothing is built."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from amlet.client.connection import Client
from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.wire.runs import SubmitRun, WatchQuery
from amlet.wire.workspaces import EnsureWorkspace

OWN_PYTHON = EnvironmentSpec("own", user_managed=True, interpreter=sys.executable)


def workspace_id(client: Client) -> str:
    """The workspace that these runs share."""
    return client.workspaces.ensure(EnsureWorkspace("s", "g", "quick")).workspace.id


def submit_script(
    client: Client,
    folder: Path,
    text: str,
    *,
    name: str = "script.py",
    target: str = "local",
    environment: EnvironmentSpec = OWN_PYTHON,
    **job_fields: Any,
) -> Run:
    """Submit a script of this text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    snapshot = scan(folder)
    workspace = workspace_id(client)
    job = Job(environment, "", script=name, target=target)._replace(**job_fields)
    asked = SubmitRun("quick", job, snapshot.entries, f"{folder}-{hash(text)}-{target}")
    answer = submit_with_blobs(
        lambda: client.runs.submit(workspace, asked), client, workspace, sources_of(folder, snapshot.entries)
    )
    assert answer.run is not None
    return answer.run


def finish(client: Client, run: Run, *, patience_s: float = 60.0) -> Run:
    """Wait for the end of a run, over restarts of the server."""
    while not run.is_over:
        query = WatchQuery(run.revision, 10.0)
        run = client.runs.watch(run.workspace_id, run.id, query, patience_s=patience_s).run
    return run
