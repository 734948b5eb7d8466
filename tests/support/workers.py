"""Tests in several workers at once (`pytest -n 2`): who gets which, and how a test has the machine for itself.

Most tests wait for processes they have started, so two workers need little more than half the time of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

MACHINE = Path(tempfile.gettempdir())
"""The folder for temporary files of all workers."""

TOGETHER = {
    "tests/contract/test_engines.py": "Ray",
    "tests/integration/test_ray.py": "Ray",
}
"""Files that go to one worker, since two clusters of Ray's are in each other's way. All others go by themselves."""

LONGEST = ("tests/integration/faults/", "tests/integration/test_ssh.py", "tests/integration/test_warm.py")
"""What begins first, so that no worker sits on it alone in the end."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole files to workers in the order of collection, in which the many quick ones come last."""

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
    place = MACHINE / f"{worker}-{os.getuid()}"
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
            with locked(self._entrance):  # who waits to be alone lets nobody past
                held.enter_context(locked(self._machine, shared=not alone))
            yield


def made_once(session: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker makes and all of this run use.

    Args:
        make: Fills it; nobody uses it before.
    """
    root = session.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, done = root / name, root / f"{name}.made"
    with locked(root / f"{name}.lock"):
        if not done.exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            done.touch()
    return folder


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Wait for the lock that this file stands for, and hold it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
