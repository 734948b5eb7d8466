"""Tests in several workers at once (`pytest -n 2`): who gets which, and how a test has the machine for itself.

Most tests wait for processes they have started, so two workers need little more than half the time of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/contract/test_engines.py": "Ray",
    "tests/integration/test_ray.py": "Ray",
}
"""Files that share a fixture which is dear; they go to one worker. All other files go by themselves."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole files to workers in the order of collection: what takes long comes first, the quick ones last."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(file, file)


def own_folder(worker: str) -> None:
    """What this worker and all it starts put into the folder for temporary files is apart from the other's.

    Among it are the locks by which jobs of a user get cores of their own.
    """
    place = Path(tempfile.gettempdir()) / f"{worker}-{os.getuid()}"
    place.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(place)
    tempfile.tempdir = None


class Turns:
    """Who may run now: one test marked `alone`, or any other of each worker."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the same for all workers."""
        self._entrance = folder / "entrance.lock"
        self._machine = folder / "machine.lock"

    @contextlib.contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Wait for it, and have it."""
        with contextlib.ExitStack() as held:
            with _locked(self._entrance, fcntl.LOCK_EX):  # who waits to be alone lets nobody past
                held.enter_context(_locked(self._machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
            yield


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)
