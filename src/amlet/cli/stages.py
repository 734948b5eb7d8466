"""The stages of a run, a line each with its seconds, while the run goes on."""

from __future__ import annotations

from amlet.base.units import human_seconds
from amlet.cli.live_line import LiveLine
from amlet.cli.terminal import Terminal, plain
from amlet.domain.run import CANCELED, FAILED, Run, Stage


class StageLines:
    """Prints each stage once, when it has ended, and what goes on now in the live line."""

    def __init__(self, terminal: Terminal, live: LiveLine) -> None:
        self._terminal = terminal
        self._live = live
        self._told = 0

    def show(self, run: Run, detail: str = "") -> None:
        """Bring the lines up to date.

        Args:
            detail: A word on what goes on now; the reason for waiting by default.
        """
        for stage in run.stages[self._told :]:
            if stage.ended is None:
                break
            if stage.name == "run" and stage is _last_but_finish(run) and not run.is_over:
                break  # whether it went well is known when the run is over
            self.done(stage.name, seconds(stage), stage.detail or "", good=stage is not failed_stage(run))
            self._told += 1
        going = next((stage for stage in run.stages if stage.ended is None), None)
        if going is None or run.is_over:
            self._live.now(None)
        else:
            self._live.now(going.name, plain(detail or run.waiting_for or going.detail or ""))

    def done(self, name: str, took_s: float, detail: str = "", *, good: bool = True) -> None:
        """One line of something that has ended."""
        text = stage_line(self._terminal, name, took_s, detail, good=good)
        self._live.above(lambda: self._terminal.line(text))


def failed_stage(run: Run) -> Stage | None:
    """The stage in which a run failed or was canceled; None for any other run."""
    if run.status not in (FAILED, CANCELED) or not run.stages:
        return None
    if run.error is not None and run.error.code == "SystemError":
        return run.stages[-1]
    return _last_but_finish(run)


def _last_but_finish(run: Run) -> Stage | None:
    return next((stage for stage in reversed(run.stages) if stage.name != "finish"), None)


def stage_line(terminal: Terminal, name: str, took_s: float, detail: str, *, good: bool = True) -> str:
    """`  ✓ prepare   0.3 s      cache hit`."""
    mark = terminal.good("✓") if good else terminal.bad("✗")
    return f"  {mark} {name:<9} {human_seconds(took_s):<10} {terminal.faint(plain(detail)) if detail else ''}".rstrip()


def seconds(stage: Stage) -> float:
    """How long a stage that has ended took."""
    return (stage.ended - stage.started).total_seconds() if stage.ended else 0.0
