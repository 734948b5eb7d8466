"""Following a submitted run to its end: stages on stderr, what the script prints on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable

from amlet.base.units import human_seconds
from amlet.cli import follow, json_output
from amlet.cli.live_line import LiveLine
from amlet.cli.stages import StageLines, failed_stage, seconds
from amlet.cli.terminal import Terminal, plain
from amlet.domain.run import CANCELED, COMPLETED, Run
from amlet.sdk.connection import Connection
from amlet.sdk.run_logs import RunLogs
from amlet.wire.runs import RunChanges

Tell = Callable[[RunChanges], None]


def exit_code(run: Run) -> int:
    """The script's own code; 128 + the signal that killed it; 1 where there is none."""
    if run.status == COMPLETED:
        return 0
    code = run.error.exit_code if run.error else None
    if code is None or code == 0:
        return 1
    return 128 - code if code < 0 else code & 0xFF or 1


def follow_on_terminal(held: Connection, run_id: str, *, with_log: bool = True) -> Run:
    """Show stages and log until the run is over, then how it ended."""
    terminal = Terminal(sys.stderr)
    with LiveLine(terminal) as live:
        stages = StageLines(terminal, live)
        log = RunLogs(held, run_id, follow.SCRIPT_LOGS)
        building = _LastLine(RunLogs(held, run_id, follow.BUILD_LOGS))
        found = None
        for found in follow.changes(held, run_id):
            preparing = bool(found.run.stages) and found.run.stages[-1].name == "prepare"
            stages.show(found.run, building.read(found) if preparing and terminal.is_tty else "")
            if with_log:
                for piece in log.news(found.files):
                    _print_above(live, piece.text)
        assert found is not None
        if with_log:
            _print_above(live, log.rest())
    return found.run


def follow_as_json(held: Connection, run_id: str) -> Run:
    """The same as JSON lines on stdout: an object a stage and a piece of the log, and one at the end."""
    log = RunLogs(held, run_id, follow.SCRIPT_LOGS)
    told = 0
    found = None
    for found in follow.changes(held, run_id):
        for stage in found.run.stages[told:]:
            if stage.ended is None:
                break
            json_output.line(event="stage", name=stage.name, seconds=seconds(stage), detail=stage.detail)
            told += 1
        for piece in log.news(found.files):
            if piece.text:
                json_output.line(event="log", text=piece.text)
    assert found is not None
    run = found.run
    metrics = held.client.runs.metrics(held.workspace_id, run_id).values
    json_output.line(
        event="ended",
        run=run.id,
        status=run.status,
        exit_code=exit_code(run),
        error=run.error,
        warnings=run.warnings,
        metrics=metrics,
    )
    return run


def tell_end(terminal: Terminal, run: Run) -> None:
    """How a run ended: one line, and why and what next where it did not complete."""
    took = f" after {human_seconds((run.ended - run.created).total_seconds())}" if run.ended else ""
    terminal.line(f"Run {terminal.strong(run.id)}: {terminal.status(run.status)}{took}")
    for warning in run.warnings:
        terminal.line(f"  {terminal.strong('note:')} {plain(warning.message)}")
    if run.error is not None:
        terminal.line(f"{terminal.bad('error:')} {run.error.message}")
    if run.status not in (COMPLETED, CANCELED):
        stage = failed_stage(run)
        if stage is not None and stage.name == "prepare":
            hint = f"`amlet logs --build {run.id}` shows how its environment was made."
        else:
            hint = f"`amlet logs {run.id}` shows everything it printed."
        terminal.line(f"  {terminal.strong('hint:')} {hint}")


class _LastLine:
    """The last line of the build's log, to show what is being installed."""

    def __init__(self, log: RunLogs) -> None:
        self._log = log
        self._line = ""

    def read(self, found: RunChanges) -> str:
        for piece in self._log.news(found.files):
            lines = [line for line in piece.text.splitlines() if line.strip()]
            self._line = lines[-1] if lines else self._line
        return self._line


def _print_above(live: LiveLine, text: str) -> None:
    def write() -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    if text:
        live.above(write, ends_line=text.endswith("\n"))
