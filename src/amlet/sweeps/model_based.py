"""Model-based search: Optuna in a child process, told of what our records hold and asked for one trial after the other.

The records are the truth. A child that is new, because the server or the child itself was restarted, is told of every
trial again, those that go on included: so two trials at the same time differ, and nothing is lost.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from amlet.base.answering import Answering, NoAnswer
from amlet.base.errors import Unavailable
from amlet.base.paths import owner_only
from amlet.domain.sweep import SweepSpec
from amlet.sweeps.base import Parameters

START_S = 120.0
"""For the first answer: importing Optuna, and PyTorch for a Gaussian process, takes seconds."""

ASK_S = 60.0


class Known(NamedTuple):
    """A trial as it is on record."""

    number: int
    """From 0; trials of sweeps that this one goes on from have numbers below 0."""
    parameters: Parameters
    values: list[float] | None
    """Of its objectives; None when it has none of one of them."""
    going_on: bool


class ModelBased:
    """Asks the child, and starts it when there is none. Used by one thread."""

    def __init__(self, folder: Path, variables: Callable[[str], Mapping[str, str]]) -> None:
        """Start nothing yet.

        Args:
            folder: Where the child's log lies.
            variables: For a method, those of a process that finds what the method needs. May install it first.
        """
        self._folder = folder
        self._variables = variables
        self._child: Answering | None = None
        self._told: dict[str, dict[int, Known]] = {}

    def ask(self, sweep: str, spec: SweepSpec, number: int, known: Sequence[Known]) -> Parameters:
        """The parameters of a sweep's next trial.

        Args:
            sweep: Its run's id.
            number: Of the trial.
            known: All trials before it, those of sweeps that this one goes on from included. One that is as it was
                may be the same object: it is not told again.

        Raises:
            Unavailable: Optuna does not answer, or is not to be had; says why.
        """
        try:
            child = self._started(sweep, spec)
            told = self._told[sweep]
            news = [trial for trial in known if told.get(trial.number) is not trial]
            found: Parameters = child.call("ask", ASK_S, sweep=sweep, number=number, trials=[*map(list, news)])
        except (NoAnswer, OSError) as error:
            self.close()
            raise Unavailable(f"Optuna, which draws the trials of {sweep}, does not answer: {error}.") from error
        told.update((trial.number, trial) for trial in news)
        return found

    def forget(self, sweep: str) -> None:
        """A sweep is over. The child ends with the last one."""
        if self._told.pop(sweep, None) is None or self._child is None:
            return
        if not self._told:
            self.close()
            return
        try:
            self._child.call("end", ASK_S, sweep=sweep)
        except NoAnswer:
            self.close()

    def close(self) -> None:
        """End the child; the next question starts another."""
        self._told.clear()
        if self._child is not None:
            self._child.close()
            self._child = None

    def _started(self, sweep: str, spec: SweepSpec) -> Answering:
        if self._child is None:
            arguments = [sys.executable, "-m", "amlet.sweeps.optuna_child"]
            variables = self._variables(spec.sampling.method)
            self._child = Answering(arguments, variables=variables, log=owner_only(self._folder) / "optuna.log")
            self._told.clear()
        if sweep not in self._told:
            goals: list[Any] = [objective.goal for objective in spec.objectives]
            about = {"method": spec.sampling.method, "space": spec.sampling.space, "seed": spec.sampling.seed}
            self._child.call("begin", START_S, sweep=sweep, goals=goals, **about)
            self._told[sweep] = {}
        return self._child
