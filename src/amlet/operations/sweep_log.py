"""The log of a sweep: `azureml-logs/hyperdrive.txt`, in the form of v1 (v1-behaviours 12.20)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from amlet.artifacts.logs import LogFolder
from amlet.operations.collect import append_log
from amlet.store.base import SweepRecord, Transaction

SWEEP_LOG = "azureml-logs/hyperdrive.txt"


def say(
    tx: Transaction, logs: LogFolder, sweep: SweepRecord, who: str, text: str | Sequence[str], now: datetime
) -> None:
    """Append a line, or several, to the log; the sweep's run has another revision then.

    Args:
        who: API, GENERATOR, SCHEDULER or CONTROLLER.
    """
    run = tx.runs.get(sweep.workspace_id, sweep.run_id)  # anew: it is saved with the log
    texts = [text] if isinstance(text, str) else text
    lines = "".join(f"<START>[{now.isoformat()}][{who}][INFO]{line}<END>\n" for line in texts)
    data = lines.encode("utf-8", "backslashreplace")
    append_log(tx, logs, run, SWEEP_LOG, None, data)
