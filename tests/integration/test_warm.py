"""Warm starts against cold ones: a script cannot tell, and what could tell starts cold."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from amlet.domain.environment import EnvironmentSpec
from amlet.domain.run import Run
from amlet.environments import Environments
from amlet.environments.pythons import at_hand
from amlet.node.processes import JobProcess
from amlet.node.warm import WarmPool, WarmStart
from amlet.runtime.attempt import JobFile, Result
from amlet.wire.files import FileQuery
from support.observations import BESIDE, DRAWN, FIRST, SAME
from support.runs import finish, submit_script
from support.server import RealServer, until

SDK = Path(__file__).resolve().parents[2] / "src"
BOOTSTRAP = SDK / "amlet" / "runtime" / "bootstrap.py"
PER_RUN = ("ATTEMPT", "AMLET_RUN_ID", "AMLET_JOURNAL_DIR")
PACKAGES = ["scikit-learn", "lightgbm", "threadpoolctl"]
CASE_S = 60.0


class Ended(NamedTuple):
    text: str
    signal: int | None
    result: tuple[object, ...] | None
    files: dict[str, str]


class Bench:
    """One place in which scripts run cold and warm by turns: the same paths, the same variables."""

    def __init__(self, root: Path, python: Path) -> None:
        self.python = python
        self.root = root
        self.meminfo = root / "meminfo"
        self.memory(free_gib=8)
        self.pool = WarmPool(root / "warm", SDK, meminfo=self.meminfo)
        self.attempt = root / "attempt 'é"
        self.work = self.attempt / "work"

    def memory(self, *, free_gib: float) -> None:
        """What the kernel is to say of a machine of 16 GiB."""
        lines = {"MemTotal": 16, "MemFree": 0, "MemAvailable": free_gib}
        self.meminfo.write_text("".join(f"{name}: {int(gib * (1 << 20))} kB\n" for name, gib in lines.items()))

    def lay(self, source: str, arguments: list[str], files: Mapping[str, str]) -> JobFile:
        shutil.rmtree(self.attempt, ignore_errors=True)
        self.work.mkdir(parents=True)
        for name, text in {**files, "train.py": source}.items():
            path = self.work / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
        job = JobFile("train.py", arguments)
        job.write(self.attempt)
        return job

    def variables(self, **more: str) -> dict[str, str]:
        kept = {key: text for key, text in os.environ.items() if not key.startswith(("PYTHON", "COV", "AMLET"))}
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "2"
        )
        own = {
            "ATTEMPT": str(self.attempt),
            "AMLET_RUN_ID": "run_1",
            "AMLET_JOURNAL_DIR": str(self.attempt / "journals"),
        }
        return {**kept, **threads, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(SDK), "ODD": "é ' \udcff=", **more, **own}

    def warm(
        self,
        source: str,
        *arguments: str,
        files: Mapping[str, str] | None = None,
        user: Mapping[str, str] | None = None,
        per_run: tuple[str, ...] = (),
        fixed: bool = True,
        cores: Collection[int] = (),
    ) -> JobProcess | str:
        """The process, or why it must start cold."""
        job = self.lay(source, list(arguments), files or {})
        variables = self.variables(**(user or {}))
        started = self.pool.start(
            WarmStart(
                python=self.python,
                fixed=fixed,
                job=job,
                folder=self.attempt,
                work=self.work,
                output=self.attempt / "std_log.txt",
                variables=variables,
                per_run={*PER_RUN, *per_run},
                user=user or {},
                cores=cores,
            )
        )
        return started if isinstance(started, str) else started.process

    def cold(self, source: str, *arguments: str, files: Mapping[str, str] | None = None) -> JobProcess:
        self.lay(source, list(arguments), files or {})
        return JobProcess.start(
            [str(self.python), str(BOOTSTRAP), str(self.attempt)],
            folder=self.attempt,
            cwd=self.work,
            variables=self.variables(),
            output=self.attempt / "std_log.txt",
        )

    def ended(self, process: JobProcess | str) -> Ended:
        assert isinstance(process, JobProcess), process
        deadline = time.monotonic() + CASE_S
        while not process.wait(1.0):
            if time.monotonic() > deadline:
                process.kill()
                raise AssertionError("it hangs; it printed: " + self.text())
        number = process.signal_number()
        process.close()
        result = Result.read(self.attempt)
        files = {
            str(path.relative_to(self.work)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.work.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        told = result and (result.exit_code, result.exception)
        return Ended(self.text(), number, told, files)

    def text(self) -> str:
        text = (self.attempt / "std_log.txt").read_text(encoding="utf-8", errors="surrogateescape")
        return re.sub(r"0x[0-9a-f]{8,}", "0x...", text)


def _chosen() -> list[str]:
    """The oldest and the newest Python of this machine that packages are there for."""
    minors = sorted({python.minor for python in at_hand()})
    return [f"{minor[0]}.{minor[1]}" for minor in dict.fromkeys((minors[0], minors[-1]))]


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("builds")
    held: dict[str, Path] = {}

    def find(minor: str) -> Path:
        if minor not in held:
            environments = Environments(root)
            spec = EnvironmentSpec("warm", python=minor, pip=PACKAGES)
            held[minor] = environments.build(environments.resolve(spec, _silent), _silent).python
        return held[minor]

    return find


def _silent(line: str) -> None:
    """A log that nobody reads."""


def _pythons() -> list[object]:
    """The newest in the default suite; the oldest, which takes as long again, with `-m every_fault`."""
    *older, newest = _chosen()
    return [newest, *(pytest.param(minor, marks=pytest.mark.every_fault) for minor in older)]


@pytest.fixture(scope="module", params=_pythons())
def bench(request, builds, tmp_path_factory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("warm"), builds(request.param))
    yield bench
    bench.pool.close()


@pytest.fixture
def one(builds, tmp_path) -> Iterator[Bench]:
    """With a pool of its own, under the newest Python."""
    bench = Bench(tmp_path, builds(_chosen()[-1]))
    yield bench
    bench.pool.close()


@pytest.mark.parametrize("case", SAME)
def test_a_script_cannot_tell_a_warm_start_from_a_cold_one(bench: Bench, case: str) -> None:
    source = FIRST + SAME[case]
    files = {name: text for name, text in BESIDE.items() if case in ("own modules", "syntax") and name != "queue.py"}
    cold = bench.ended(bench.cold(source, "--kernel", "linear ' é", "", files=files))
    warm = bench.ended(bench.warm(source, "--kernel", "linear ' é", "", files=files))
    assert "\n".join(difflib.unified_diff(cold.text.split("\n"), warm.text.split("\n"), "cold", "warm", n=0)) == ""
    assert warm == cold


@pytest.mark.parametrize("case", DRAWN)
def test_what_is_drawn_differs_from_run_to_run(bench: Bench, case: str) -> None:
    texts = [bench.ended(bench.warm(FIRST + DRAWN[case])).text for _ in range(2)]
    assert texts[0] != texts[1]
    assert "Traceback" not in texts[0]


@pytest.mark.parametrize(
    ("files", "user", "reason"),
    [
        ({}, {"AMLET_WARM_START": "0"}, "AMLET_WARM_START=0"),
        ({}, {"OMP_NUM_THREADS": "2"}, "its variable OMP_NUM_THREADS is read as a process or a library is loaded"),
        ({}, {"PYTHONHASHSEED": "0"}, "its variable PYTHONHASHSEED"),
        ({"numbers.py": ""}, {}, "numbers.py beside the script hides a module that its packages ask for"),
        ({"scipy/__init__.py": ""}, {}, "the folder scipy beside the script hides a module"),
    ],
)
def test_what_could_tell_starts_cold_and_says_why(
    one: Bench, files: dict[str, str], user: dict[str, str], reason: str
) -> None:
    told = one.warm(FIRST, files=files, user=user)
    assert isinstance(told, str)
    assert told.startswith(reason)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a machine of one core has nothing to divide")
def test_a_run_is_bound_to_its_cores_from_its_first_instruction_on(bench: Bench) -> None:
    last = max(os.sched_getaffinity(0))
    source = FIRST + "import os\n"
    source += "print('bound to', os.sched_getaffinity(0), len(os.sched_getaffinity(os.getppid())) > 1)\n"
    assert f"bound to {{{last}}} True" in bench.ended(bench.warm(source, cores=[last])).text


def test_a_script_that_imports_nothing_that_takes_time_starts_cold(one: Bench) -> None:
    assert one.warm("import json, os\n") == "it imports no package that takes time"


def test_an_import_that_starts_a_thread_sends_its_scripts_to_cold_starts(one: Bench) -> None:
    site = next((one.python.parent.parent / "lib").glob("python3*/site-packages"))
    module = site / "amlet_test_threads.py"
    module.write_text("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    try:
        told = one.warm(FIRST + "import amlet_test_threads\n")
        assert isinstance(told, str)
        assert "import amlet_test_threads" in told
        assert "starts threads" in told
    finally:
        module.unlink()


def test_an_import_that_opens_a_socket_sends_its_scripts_to_cold_starts(one: Bench) -> None:
    site = next((one.python.parent.parent / "lib").glob("python3*/site-packages"))
    module = site / "amlet_test_sockets.py"
    module.write_text("import socket\nopen_one = socket.create_server(('127.0.0.1', 0))\n")
    try:
        told = one.warm(FIRST + "import amlet_test_sockets\n")
        assert isinstance(told, str)
        assert "import amlet_test_sockets" in told
        assert "keeps" in told and "open" in told
    finally:
        module.unlink()


def test_parents_end_when_memory_is_short_but_none_whose_run_goes_on(one: Bench) -> None:
    go_on = one.root / "go on"
    source = f"import os, time\nwhile not os.path.exists({str(go_on)!r}):\n    time.sleep(0.01)\nprint('done')\n"
    run = one.warm(FIRST + source)
    (parent,) = one.pool.pids()
    one.pool.keep()
    assert one.pool.pids() == [parent]

    one.memory(free_gib=1.5)  # less than a tenth
    one.pool.keep()
    assert one.pool.pids() == [parent]
    go_on.touch()
    assert one.ended(run).text.endswith("done\n")

    def over() -> bool:
        one.pool.keep()
        return not one.pool.pids() and not Path(f"/proc/{parent}").exists()

    until(over, what="the end of the parent")
    one.memory(free_gib=8)
    assert one.ended(one.warm(FIRST)).signal is None
    assert one.pool.pids() not in ([], [parent])


def test_parents_end_that_nobody_uses(one: Bench) -> None:
    pool = WarmPool(one.root / "impatient", SDK, idle_s=0.5, meminfo=one.meminfo)
    one.pool, held = pool, one.pool
    held.close()
    assert one.ended(one.warm(FIRST)).signal is None

    def over() -> bool:
        pool.keep()
        return not pool.pids()

    until(over, what="the end of the parent")


PACKAGES_OF_A_JOB = EnvironmentSpec("warm", pip=["joblib==1.4.2"])
JOB = "import joblib, os, time\nfrom azureml.core import Run\nRun.get_context().log('pid', os.getpid())\n"


def _how(run: Run) -> str:
    return next(stage.detail or "" for stage in run.stages if stage.name == "run")


def test_a_nodes_runs_start_warm_and_say_why_when_they_do_not(shared_server: RealServer, tmp_path: Path) -> None:
    client = shared_server.client()
    first, second = (
        finish(client, submit_script(client, tmp_path / name, JOB, environment=PACKAGES_OF_A_JOB)) for name in "ab"
    )
    assert [run.status for run in (first, second)] == ["Completed", "Completed"]
    assert re.fullmatch(r"warm start, imports \d\.\d s, \d+ cores", _how(first))
    assert re.fullmatch(r"warm start, \d+ cores", _how(second))
    pids = [client.runs.metrics(run.workspace_id, run.id).values["pid"] for run in (first, second)]
    assert pids[0] != pids[1]
    off = {"AMLET_WARM_START": "0"}
    cold = submit_script(client, tmp_path / "c", JOB, environment=PACKAGES_OF_A_JOB, variables=off)
    assert _how(finish(client, cold)).startswith("cold start (AMLET_WARM_START=0)")


def test_a_warm_run_goes_on_when_its_node_and_its_parent_are_killed(fresh_server: RealServer, tmp_path: Path) -> None:
    client = fresh_server.client(patience_s=60)
    text = JOB + f"open({str(tmp_path / 'here')!r}, 'w').close()\n"
    text += f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\nprint('to the end')\n"
    run = submit_script(client, tmp_path / "job", text, environment=PACKAGES_OF_A_JOB)
    until((tmp_path / "here").exists, what="the script at work")
    folder = fresh_server.home.nodes / "local"
    ours = (folder / "attempts").glob("*/process.json")
    script = json.loads(next(ours).read_text())["pid"]
    for pid in fresh_server.marked():
        if pid not in (script, fresh_server.process.pid if fresh_server.process else 0):
            os.kill(pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    ended = finish(client, run)
    assert ended.status == "Completed", ended.error
    with client.runs.file(run.workspace_id, run.id, FileQuery("user_logs/std_log.txt")) as body:
        assert b"to the end" in body.read()
