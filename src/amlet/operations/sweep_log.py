"""The log of a sweep: `azureml-logs/hyperdrive.txt`, in the form of v1 (v1-behaviours 12.20)."""

from __future__ import annotations

from datetime import datetime

from amlet.artifacts.logs import LogFolder
from amlet.operations.collect import append_log
from amlet.store.base import SweepRecord, Transaction

SWEEP_LOG = "azureml-logs/hyperdrive.txt"


def say(tx: Transaction, logs: LogFolder, sweep: SweepRecord, who: str, text: str, now: datetime) -> None:
    """Append a line.

    Args:
        who: API, GENERATOR, SCHEDULER or CONTROLLER.
    """
    run = tx.runs.get(sweep.workspace_id, sweep.run_id)  # anew: it is saved with the log
    held = tx.files.find(run.workspace_id, run.id, SWEEP_LOG)
    line = f"<START>[{now.isoformat()}][{who}][INFO]{text}<END>\n"
    data = line.encode("utf-8", "backslashreplace")
    append_log(tx, logs, run, SWEEP_LOG, held.size_bytes if held is not None else 0, data)
