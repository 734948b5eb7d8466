"""Sides that are processes of their own: started once, each measures when it is its turn."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import PAIRS
from benchmarks.peers import peer
from benchmarks.place import Skipped, clean_variables

PRELUDE = """
import json, os, sys
_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a product prints is no answer
def take_turns(measure):
    for _ in sys.stdin:
        print(json.dumps(measure()), file=_answers, flush=True)
"""
"""Put before the text of a side, which ends with `take_turns(function)`."""


class Side:
    """A program that answers each line on its stdin with one figure, or several, as JSON."""

    def __init__(self, process: subprocess.Popen[str], told: Path) -> None:
        self._process = process
        self._told = told

    def __call__(self) -> Any:
        """Measure once.

        Raises:
            RuntimeError: with the last that it said, when the program has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            said = self._told.read_text("utf-8", "replace").strip().splitlines() or ["nothing was said"]
            raise RuntimeError(said[-1][-300:])
        return json.loads(line)


@contextmanager
def side(python: str | Path, text: str, *arguments: str | Path, folder: Path, **variables: str) -> Iterator[Side]:
    """Start a side, and end it.

    Args:
        text: The program after `PRELUDE`.
        folder: Where it works.
    """
    with tempfile.NamedTemporaryFile() as told:
        process = subprocess.Popen(
            [str(python), "-c", PRELUDE + text, *map(str, arguments)],
            cwd=folder,
            env=clean_variables(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        )
        try:
            yield Side(process, Path(told.name))
        finally:
            assert process.stdin is not None
            try:
                process.stdin.close()
                process.wait(timeout=60)
            except (OSError, subprocess.TimeoutExpired):
                process.kill()
                process.wait()


def peer_side(stack: ExitStack, package: str, text: str, folder: Path, **variables: str) -> Side:
    """Start the side of a peer, which ends with the stack.

    Raises:
        Skipped: if it cannot be installed or does not work here.
    """
    made = stack.enter_context(side(peer(package, f"import {package}"), text, folder=folder, **variables))
    try:
        made()
    except RuntimeError as error:
        raise Skipped(f"{package}: {error}") from error
    return made


def by_turns(sides: Sequence[Callable[[], Any]], *, pairs: int = PAIRS) -> list[list[Any]]:
    """Let the sides measure one after the other, after one turn each that does not count.

    Returns:
        What each side told, turn by turn.
    """
    for one in sides:
        one()
    told: list[list[Any]] = [[] for _ in sides]
    for _ in range(pairs):
        for place, one in enumerate(sides):
            told[place].append(one())
    return told
