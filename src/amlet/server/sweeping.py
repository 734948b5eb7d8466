"""The sweeper's thread: a pass when a trial has ended or reported, and at least every second."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from amlet.base.variables import own_environment
from amlet.domain.sweep import GAUSSIAN_PROCESS
from amlet.environments import Environments
from amlet.environments.overlays import OPTUNA
from amlet.operations.sweeper import Sweeper
from amlet.operations.transitions import SWEEPS
from amlet.server.context import Parts

PAUSE_S = 1.0

log = logging.getLogger("amlet.server")


class Sweeping(threading.Thread):
    """Runs until `end`. Apart from the reconciler: a model may take its time over a question."""

    def __init__(self, parts: Parts, sweeper: Sweeper) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._parts = parts
        self._sweeper = sweeper
        self._wake = parts.topics.listen(SWEEPS)
        self._ended = False

    def end(self) -> None:
        """Finish the pass in hand and return."""
        self._ended = True
        self._wake.set()
        self.join(10)
        self._sweeper.close()

    def run(self) -> None:
        while not self._ended:
            self._wake.clear()
            try:
                if self._sweeper.pass_over(self._parts.now()):
                    continue
            except Exception:
                log.exception("a pass of the sweeper failed; the next one tries again")
            self._wake.wait(PAUSE_S)


def finds_optuna(environments: Environments) -> Callable[[str], Mapping[str, str]]:
    """The variables of a process that finds Optuna: the one beside the server, else one that uv installs once."""

    def variables(method: str) -> Mapping[str, str]:
        found = own_environment()
        if method == GAUSSIAN_PROCESS or importlib.util.find_spec("optuna") is not None:
            return found
        folder: Path = environments.overlay(Path(sys.executable), log.info, OPTUNA)
        places = [str(folder), *filter(None, [found.get("PYTHONPATH")])]
        return {**found, "PYTHONPATH": os.pathsep.join(places)}

    return variables
