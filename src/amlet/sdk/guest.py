"""Logging to a run from a process that is not the run: a notebook that adds a figure, a child that tells its parent."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from amlet.sdk import recording
from amlet.sdk.exceptions import RunEnvironmentException
from amlet.sdk.recording import Recorder, background

if TYPE_CHECKING:
    from amlet.sdk.run import Run


def recorder_of(run: Run) -> Recorder:
    """What this process logs to that run through: the same for every object of the run.

    Raises:
        RunEnvironmentException: if the run is over.
    """
    held = run._connection
    found = recording.known(held.workspace_id, run.id)
    if found is not None:
        return found
    record = run._load().run
    if record.is_over:
        raise RunEnvironmentException(
            f"Run {run.id} is {record.status}: nothing more can be logged to it.",
            hint="tags and files can still be added: run.tag(...), run.upload_file(...).",
        )
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    recorder = Recorder(lambda: held, run.id, record.attempt, folder, folder / "journals", is_new=True)
    recording.remember(held.workspace_id, recorder)
    background.watch(recorder)
    background.clean_up(lambda: shutil.rmtree(folder, ignore_errors=True))
    return recorder
