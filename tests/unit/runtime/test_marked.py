"""Processes found by what stands in their environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amlet.runtime.marked import end_marked, marked
from amlet.runtime.process import ProcessMark, mark_of


@contextmanager
def sleeper(home: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    held = {**os.environ, "AMLET_HOME": str(home), **variables}
    asleep = "print(flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", asleep], env=held, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def found(home: Path, since: ProcessMark | None = None) -> list[int]:
    return sorted(process.mark.pid for process in marked(str(home), since=since))


def test_those_of_a_home_are_found_and_of_late_ones_those_that_began_after_another(tmp_path: Path) -> None:
    with sleeper(tmp_path) as first, sleeper(tmp_path) as second, sleeper(tmp_path / "other"):
        assert found(tmp_path) == sorted([first.pid, second.pid])
        assert found(tmp_path, since=mark_of(first.pid)) == [second.pid]
        assert found(tmp_path, since=mark_of(second.pid)) == []
        long_ago = ProcessMark(1, 0, "")
        assert set(found(tmp_path, since=long_ago)) >= {second.pid}


def test_only_the_chosen_are_ended(tmp_path: Path) -> None:
    with sleeper(tmp_path, ROLE="stays") as stays, sleeper(tmp_path, ROLE="goes") as goes:
        ended = end_marked(str(tmp_path), lambda process: process.variables["ROLE"] == "goes", since=mark_of(stays.pid))
        assert ended == 1
        assert goes.wait(5) < 0
        assert stays.poll() is None
