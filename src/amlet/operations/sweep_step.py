"""A step of a sweep: what it, its run and its log become within one transaction, kept together at the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from amlet.artifacts.logs import LogFolder
from amlet.domain.run import Run, RunWarning
from amlet.operations.collect import append_bytes
from amlet.operations.transitions import save
from amlet.store.base import SweepRecord, Transaction

SWEEP_LOG = "azureml-logs/hyperdrive.txt"

API = "API"
GENERATOR = "GENERATOR"
SCHEDULER = "SCHEDULER"
CONTROLLER = "CONTROLLER"
"""Who says a line of the log, as in v1 (v1-behaviours 12.20)."""


class Step:
    """One sweep in a transaction. Whoever makes one keeps it, or lets the transaction fail.

    A pass writes each of the sweep, its run and its log once, however much it has found: they are wide rows.
    """

    def __init__(self, tx: Transaction, logs: LogFolder, sweep: SweepRecord, now: datetime) -> None:
        self.tx = tx
        self.now = now
        self.sweep = sweep
        """As it is by now."""
        self._logs = logs
        self._found = sweep
        self._lines: list[str] = []
        self._warnings: list[RunWarning] = []

    @property
    def key(self) -> tuple[str, str]:
        """Its workspace and its run."""
        return self.sweep.workspace_id, self.sweep.run_id

    @property
    def run(self) -> Run:
        """Its run."""
        return self.tx.runs.get(*self.key)

    def change(self, **changes: Any) -> None:
        """Change fields of its state."""
        self.sweep = self.sweep._replace(state=self.sweep.state._replace(**changes))

    def say(self, who: str, text: str | Sequence[str]) -> None:
        """Write a line of the log, or several."""
        texts = [text] if isinstance(text, str) else text
        self._lines += [f"<START>[{self.now.isoformat()}][{who}][INFO]{line}<END>\n" for line in texts]

    def warn(self, text: str) -> None:
        """Warn who looks at its run."""
        self._warnings.append(RunWarning("sweep", text))

    def keep(self) -> None:
        """Keep what has become of it; those who watch its run see it then."""
        changed = self.sweep is not self._found
        if changed:
            self.tx.sweeps.save_state(self.sweep)
        if not changed and not self._lines and not self._warnings:
            return
        if self._lines:
            data = "".join(self._lines).encode("utf-8", "backslashreplace")
            append_bytes(self.tx, self._logs, self.run, SWEEP_LOG, None, data)
        save(self.tx, self.run._replace(warnings=[*self.run.warnings, *self._warnings]))
        self._found = self.sweep
        self._lines, self._warnings = [], []
