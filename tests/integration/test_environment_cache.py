"""The cache of builds: made once for all who wait, found after a move, compiled by use, pruned when nobody uses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import COMPLETED, PREPARING
from amlet.environments import Environments
from amlet.environments.bytecode import DONE, compile_build
from amlet.environments.once import MARKER
from amlet.environments.prune import prune
from amlet.operations.prepare import BUILD_LOG
from amlet.wire.files import FileQuery
from amlet.wire.runs import SubmitRun
from support.cli import CommandLine
from support.runs import finish, submit_script
from support.server import RealServer, until
from support.wheels import index, list_in_index, wheel


def silent(line: str) -> None:
    """A log that nobody reads."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a home with blanks, 'quotes' and ü"


@pytest.fixture
def spec(tmp_path: Path) -> EnvironmentSpec:
    """An environment of one package made here, that no other test has."""
    name = f"amlet{uuid.uuid4().hex[:8]}"
    wheel(tmp_path / "wheels", name, script=f"run-{name}", body="value = 1")
    return EnvironmentSpec("own", pip=[f"--find-links {tmp_path / 'wheels'}", "--no-index", name])


def module(spec: EnvironmentSpec) -> str:
    return spec.pip[-1]


def output_of(*argv: object) -> str:
    done = subprocess.run([str(part) for part in argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def aged(build: Path, days: float = 40) -> None:
    """As if it had last been used so long ago."""
    used = time.time() - days * 86_400
    os.utime(build / MARKER, (used, used))


def test_whoever_waits_for_a_build_sees_its_log_from_the_start(root, spec) -> None:
    lock = Environments(root).resolve(spec, silent)
    logs: list[list[str]] = [[] for _ in range(8)]
    first = threading.Event()

    def build(number: int) -> None:
        def log(line: str) -> None:
            logs[number].append(line.strip())
            if line.startswith("Building for Python"):
                first.set()
                until(lambda: sum("waiting for it" in text for log in logs for text in log) == 7)

        if number:
            assert first.wait(30)
        Environments(root).build(lock, log)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(build, range(8)))
    assert all(any(line.startswith("Building for Python") for line in log) for log in logs)
    assert all(f"+ {module(spec)}==1.0" in log for log in logs)
    assert sum(log[-1].startswith("Built in") for log in logs) == 1


def test_fifty_runs_of_one_new_environment_wait_for_one_build_and_each_has_its_log(
    shared_server: RealServer, tmp_path, spec
) -> None:
    place = CommandLine(shared_server, f"fifty{uuid.uuid4().hex[:8]}", tmp_path)
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "script.py").write_text(f"import {module(spec)}")
    entries = scan(folder).entries
    list_in_index(tmp_path / "index", module(spec), *(tmp_path / "wheels").glob("*.whl"))
    all_are_there = threading.Event()
    client, workspace = place.client, place.workspace_id

    def submit(number: int) -> str:
        environment = spec._replace(pip=[f"--index-url http://{address}", module(spec)])
        asked = SubmitRun("fifty", Job(environment, "", script="script.py"), entries, f"{place.name}-{number}")
        sources = sources_of(folder, entries)
        answer = submit_with_blobs(lambda: client.runs.submit(workspace, asked), client, workspace, sources)
        assert answer.run is not None
        assert answer.run.status == PREPARING
        return answer.run.id

    with index(tmp_path / "index", gate=all_are_there) as address:
        with ThreadPoolExecutor(10) as pool:
            ids = list(pool.map(submit, range(50)))
        all_are_there.set()
        try:
            runs = [client.runs.get(workspace, run).run for run in ids]
            assert finish(client, runs[0]).status == COMPLETED
            query = FileQuery(BUILD_LOG)
            logs = {client.runs.file(workspace, run, query).read().decode() for run in ids}
            locks = {client.runs.get(workspace, run).run.lock_id for run in ids}
        finally:
            for run in ids:
                client.runs.cancel(workspace, run)
    assert len(locks) == 1
    (log,) = logs
    assert log.count("Building for Python") == 1
    assert f"+ {module(spec)}==1.0" in log


def test_a_build_is_found_and_works_after_its_home_was_moved(root, spec) -> None:
    environments = Environments(root)
    lock = environments.resolve(spec, silent)
    environments.build(lock, silent)
    root.rename(root.with_name("moved 'elsewhere'"))
    build = Environments(root.with_name("moved 'elsewhere'")).find(lock)
    assert build is not None
    assert output_of(build.python, "-c", "import sys; print(sys.prefix)") == str(build.path)
    assert output_of(build.path / "bin" / f"run-{module(spec)}") == "1.0"
    assert str(root) not in "".join(path.read_text() for path in (build.path / "bin").glob("run-*"))


def test_a_build_is_linked_from_uvs_cache_and_its_byte_code_is_its_own(root, spec, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environments = Environments(root)
    build = environments.build(environments.resolve(spec, silent), silent)
    (source,) = build.path.glob(f"lib/python3.*/site-packages/{module(spec)}.py")
    if source.stat().st_nlink == 1:
        pytest.skip("the file system of the tests has no links")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    assert compile_build(build.path, root, threading.Event())
    assert list(source.parent.glob(f"__pycache__/{module(spec)}.*.pyc"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before
    asked = f"import {module(spec)}, importlib.util as u; print(u.cache_from_source({module(spec)}.__file__))"
    assert Path(output_of(build.python, "-c", asked)).exists()


COMPILING = """
import sys, threading
from pathlib import Path
from amlet.environments.bytecode import compile_build
print(compile_build(Path(sys.argv[1]), Path(sys.argv[2]), threading.Event()), flush=True)
"""


def test_byte_code_is_made_at_the_lowest_priority_by_a_process_that_ends_with_its_starter(root, spec) -> None:
    environments = Environments(root)
    build = environments.build(environments.resolve(spec, silent), silent)
    (packages,) = build.path.glob("lib/python3.*/site-packages")
    for number in range(3_000):
        (packages / f"many{number}.py").write_text("def f(x):\n    return [x for x in range(x)]\n" * 50)
    with subprocess.Popen([sys.executable, "-c", COMPILING, str(build.path), str(root)]) as starter:
        pid = until(lambda: compiling(build.path))
        until(lambda: os.sched_getscheduler(pid) == os.SCHED_IDLE)
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
        assert environments.find(environments.resolve(spec, silent)) == build
        starter.send_signal(signal.SIGKILL)
    until(lambda: compiling(build.path) is None)
    assert not (build.path / DONE).exists()


def compiling(build: Path) -> int | None:
    """The process that compiles a build."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"bytecode_child.py" in arguments and os.fsencode(build) in arguments:
            return int(process.name)
    return None


def test_a_used_build_is_compiled_in_the_background_and_jobs_write_byte_code(
    fresh_server: RealServer, tmp_path, spec
) -> None:
    fresh_server.terminate()
    fresh_server.start(PYTHONDONTWRITEBYTECODE="1")
    client = fresh_server.client()
    wheel(tmp_path / "wheels", "amletother")
    both = spec._replace(pip=[*spec.pip, "amletother"])
    text = f"import sys, {module(spec)}; print(sys.dont_write_bytecode)"
    run = finish(client, submit_script(client, tmp_path / "job", text, environment=both))
    assert run.status == COMPLETED
    assert client.runs.file(run.workspace_id, run.id, FileQuery("user_logs/std_log.txt")).read() == b"False\n"
    (packages,) = fresh_server.home.environments.glob("builds/*/lib/python3.*/site-packages")
    assert list(packages.glob(f"__pycache__/{module(spec)}.*.pyc"))
    until(lambda: list(packages.glob("__pycache__/amletother.*.pyc")), what="the byte code of what no job imports")


def test_a_build_that_a_process_runs_from_is_not_pruned_and_goes_when_it_has_ended(root, spec) -> None:
    environments = Environments(root)
    lock = environments.resolve(spec, silent)
    build = environments.build(lock, silent)
    aged(build.path)
    argv = [build.python, "-c", "print(flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pruned = prune(root, timedelta(days=30))
        assert [held.is_in_use for held in pruned.kept] == [True]
        assert pruned.removed == []
        process.communicate(b"\n")
    assert [held.lock_id for held in prune(root, timedelta(days=30)).removed] == [lock.id]
    assert environments.find(lock) is None
    assert environments.build(lock, silent) == build
    assert output_of(build.path / "bin" / f"run-{module(spec)}") == "1.0"


def test_env_prune_says_what_goes_deletes_it_and_the_environment_still_works(
    fresh_server: RealServer, tmp_path, spec
) -> None:
    place = CommandLine(fresh_server, "pruned", tmp_path)
    cold = {"AMLET_WARM_START": "0"}  # a warm parent would use the build for some minutes more
    script = submit_script(place.client, tmp_path / "job", f"import {module(spec)}", environment=spec, variables=cold)
    run = finish(place.client, script)
    assert run.lock_id is not None
    build = fresh_server.home.environments / "builds" / run.lock_id
    assert "in use" in place.cli("env", "prune", "--unused-for", "0").out
    aged(build)
    told = place.cli("env", "prune", "--unused-for", "30", "--dry-run").out
    assert run.lock_id[:8] in told
    assert "40 days ago" in told
    assert "Nothing was deleted. This would be: 1 build, " in told
    answer = place.json("env", "prune")
    assert [held["lock_id"] for held in answer["removed"]] == [run.lock_id]
    assert answer["removed"][0]["packages"] == [f"{module(spec)} 1.0"]
    assert answer["freed_bytes"] == answer["removed"][0]["own_bytes"] > 0
    assert not build.exists()
    again = submit_script(place.client, tmp_path / "job", f"import {module(spec)}; 1", environment=spec)
    assert finish(place.client, again).status == COMPLETED
    assert build.exists()
