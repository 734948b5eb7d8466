"""The Nth write, sync, rename or open of the server or the node fails: reliability's fault tests 2 to 4."""

from __future__ import annotations

import contextlib
import errno
import mmap
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from amlet.base.errors import AmletError, StorageFailed, Unavailable
from amlet.domain.deployment import Deployment
from amlet.domain.run import Run
from amlet.domain.service import Service
from amlet.wire.models import ModelQuery, RegisterModel
from amlet.wire.services import DeployService
from support.faults import Scene, own_python, passes
from support.models import TRAIN
from support.server import until

SOURCE = Path(__file__).parent.parent.parent / "support" / "failing_calls.c"
SHAPE = "6l"

JOB = """
import os
from azureml.core import Run
run = Run.get_context()
for number in range(10):
    run.log("value", number)
    print("line", number)
open("outputs/kept.txt", "w").write("kept")
open("outputs/large.bin", "wb").write(b"large" * 20000)
"""


class Shim:
    """The control of the failing calls."""

    def __init__(self, folder: Path) -> None:
        self.library = folder / "failing_calls.so"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(SOURCE), "-ldl"],
            check=True,
            capture_output=True,
        )
        self.control = folder / "control"
        self.control.write_bytes(bytes(struct.calcsize(SHAPE)))
        with self.control.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)

    def variables(self, home: Path, role: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAULT_CONTROL": str(self.control),
            "FAULT_HOME": str(home),
            "FAULT_ROLE": role,
        }

    def arm(self, nth: int, error: int, *, span: int = 1 << 30) -> None:
        """Fail from the nth call on: opens with EMFILE, else writes, syncs and renames."""
        self._shared[:] = struct.pack(SHAPE, 2 if error == errno.EMFILE else 1, error, nth, span, 0, 0)

    def disarm(self) -> tuple[int, int]:
        """Let all calls through; how many were seen, and how many failed."""
        _, _, _, _, count, hits = struct.unpack(SHAPE, self._shared[:])
        self._shared[:] = bytes(struct.calcsize(SHAPE))
        return count, hits

    @property
    def hits(self) -> int:
        return int(struct.unpack(SHAPE, self._shared[:])[5])

    def close(self) -> None:
        self._shared.close()


@pytest.fixture
def shim() -> Iterator[Shim]:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler on this machine")
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    made = Shim(folder)
    yield made
    made.close()
    shutil.rmtree(folder)


ERRORS = {name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EROFS", "EMFILE")}


def _train(scene: Scene, number: int) -> Run:
    return scene.submit(JOB.replace('"value"', f'"value{number}"') + f"# {number}", name=f"disk-{number}")


def _through(scene: Scene, shim: Shim, number: int, errors: list[AmletError]) -> Run | None:
    """Submit, wait and register, as far as the disk allows; the cause goes when it has struck."""
    try:
        run = _train(scene, number)
    except AmletError as error:
        errors.append(error)
        return None
    until(
        lambda: _has_struck(shim, lambda: scene.client.runs.get(scene.workspace_id, run.id).run.is_over),
        what="a fault or an end",
    )
    if not shim.hits:
        asked = RegisterModel(f"kept{number}", run_id=run.id, path="outputs/kept.txt")
        try:
            scene.client.models.register(scene.workspace_id, asked)
        except AmletError as error:
            errors.append(error)
    return run


def _has_struck(shim: Shim, is_over: Callable[[], bool]) -> bool:
    """Whether the fault has struck, be it this very question; or the work is over."""
    try:
        return bool(shim.hits) or is_over()
    except StorageFailed:
        return True


_EVERY = [pytest.mark.every_fault, pytest.mark.timeout(1500)]


def _cases() -> list[object]:
    found: list[object] = []
    for role, sampled in (("amlet.server", [1, 4, 9, 17, 33, 60, 95, 140]), ("amlet.node", [1, 3, 7])):
        found.append(pytest.param(role, sampled, list(ERRORS), id=f"{role}-some"))
        found += [
            pytest.param(role, range(1, 1000), [name], id=f"{role}-every-{name}", marks=_EVERY) for name in ERRORS
        ]
    return found


@pytest.mark.parametrize(("role", "numbers", "names"), _cases())
def test_a_disk_that_fails_at_the_nth_call_loses_nothing_acknowledged(
    role: str, numbers: range, names: list[str], scene: Scene, shim: Shim, told: Callable[..., None]
):
    scene.server.terminate()
    scene.kill("node")
    scene.start(**shim.variables(scene.server.home.root, role))
    first = _train(scene, 0)
    assert scene.settled()[-1].status == "Completed"
    struck = beyond = 0
    began = time.monotonic()

    for number in numbers:
        name = names[number % len(names)]
        errors: list[AmletError] = []
        shim.arm(number, ERRORS[name])
        run = _through(scene, shim, number, errors)
        passes(0.1)
        assert scene.values(first, "value0") == list(range(10)), "what was there can be read while the disk fails"
        _, hits = shim.disarm()
        struck += bool(hits)
        beyond = 0 if hits else beyond + 1
        case = f"{role}: call {number} fails with {name}"
        assert scene.server.process is not None
        assert scene.server.process.poll() is None, case
        for error in errors:
            assert str(scene.server.home.root) in str(error), f"{case}: {error!r} names no path"
        if run is not None:
            ended = until(
                lambda run=run: (found := scene.client.runs.get(scene.workspace_id, run.id).run).is_over and found,
                what=f"{case}: the end of the run",
            )
            if ended.status == "Completed":
                assert scene.values(ended, f"value{number}") == list(range(10)), case
                assert scene.text(ended, "outputs/kept.txt") == b"kept", case
            else:
                assert ended.error is not None
                assert str(scene.server.home.root) in ended.error.message, f"{case}: {ended.error}"
        for model in scene.client.models.list(scene.workspace_id, ModelQuery()).models:
            assert model.size_bytes == 4
        if beyond == 5:  # the work has fewer calls than that
            break

    again = _train(scene, 100_000)
    scene.settled()
    assert scene.client.runs.get(scene.workspace_id, again.id).run.status == "Completed"
    scene.check_whole()
    scene.stop()
    told(
        f"the Nth call fails with {' '.join(names)}"[:34],
        role,
        f"whole after {struck} faults",
        time.monotonic() - began,
    )


def _deployments() -> list[object]:
    found: list[object] = []
    for role, sampled in (("amlet.server", [5]), ("amlet.node", [6])):
        found.append(pytest.param(role, sampled, id=f"{role}-some"))
        found.append(pytest.param(role, range(1, 200), id=f"{role}-every", marks=_EVERY))
    return found


@pytest.mark.parametrize(("role", "numbers"), _deployments())
def test_a_deployment_over_a_disk_that_fails_at_the_nth_call_ends_healthy_or_says_which_path(
    role: str, numbers: Sequence[int], sklearn_scene: Scene, python: Path, shim: Shim, told: Callable[..., None]
):
    scene = sklearn_scene
    scene.submit(TRAIN, own_python(python), name="iris")
    run = scene.settled(120)[-1]
    asked = RegisterModel("iris", run_id=run.id, path="outputs/model.joblib", framework="ScikitLearn")
    model = scene.client.models.register(scene.workspace_id, asked).model
    assert model is not None
    scene.server.terminate()
    scene.kill("node")
    scene.start(**shim.variables(scene.server.home.root, role))
    wanted = DeployService("disk", Deployment([model.id]), overwrite=True)
    revision = scene.client.services.deploy(scene.workspace_id, wanted).service.revision
    _ended(scene, revision, {"Healthy"})
    struck = beyond = 0
    began = time.monotonic()

    for number in numbers:
        shim.arm(number, list(ERRORS.values())[number % len(ERRORS)])
        with contextlib.suppress(Unavailable):
            try:
                revision = scene.client.services.deploy(scene.workspace_id, wanted).service.revision
            except StorageFailed as error:
                assert str(scene.server.home.root) in str(error), f"{role}: call {number}: {error!r} names no path"
        until(lambda: _has_struck(shim, lambda: _service(scene).state != "Transitioning"), what="a fault or an end")
        _, hits = shim.disarm()
        struck += bool(hits)
        beyond = 0 if hits else beyond + 1
        found = _ended(scene, revision, {"Healthy", "Failed"})
        if found.state == "Failed":
            assert str(scene.server.home.root) in (found.error or ""), f"{role}: call {number}: {found.error}"
        if beyond == 3:
            break

    revision = scene.client.services.deploy(scene.workspace_id, wanted).service.revision
    assert _ended(scene, revision, {"Healthy"}).error is None
    scene.flag("middle")
    scene.check_whole()
    scene.stop()
    told("deploying over a failing disk", role, f"Healthy after {struck} faults", time.monotonic() - began)


def _service(scene: Scene) -> Service:
    return scene.client.services.get(scene.workspace_id, "disk")


def _ended(scene: Scene, revision: int, states: set[str]) -> Service:
    return until(
        lambda: (found := _service(scene)).revision >= revision and found.state in states and found,
        what=f"revision {revision} in {states}",
    )


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.every_fault)])
def test_calls_wait_while_another_process_holds_the_records(scene: Scene, seconds: int):
    scene.submit()
    until(lambda: len(scene.logged()) == 20, what="a script at work")

    with contextlib.closing(sqlite3.connect(scene.server.home.records, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        scene.flag("middle")
        until(lambda: len(scene.logged()) == 40, what="a script that does not wait for the records")
        assert [run.status for run in scene.runs()] == ["Running"]
        passes(seconds)
        other.execute("ROLLBACK")

    (run,) = scene.settled()
    assert run.status == "Completed"
    assert scene.values(run) == list(range(40))


def test_a_call_that_cannot_wait_longer_for_the_records_says_unavailable():
    from amlet.store.database import Database

    with tempfile.TemporaryDirectory() as folder:
        records = Database(Path(folder, "records.db"), busy_wait_s=0.2)
        with contextlib.closing(sqlite3.connect(Path(folder, "records.db"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="Another process holds"):
                records.write(lambda tx: tx.touch("it")).result(5)
        records.write(lambda tx: tx.touch("it")).result(5)
        records.close()
