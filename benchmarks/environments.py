"""Environments: one that is there, one from a lock, one from a spec with nothing at hand, ten at once; beside uv."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

from amlet.base.paths import Home
from amlet.client.connection import Client
from amlet.client.snapshot import scan
from amlet.client.uploads import send_missing, sources_of
from amlet.domain.environment import SUCCEEDED, EnvironmentSpec, Lock
from amlet.domain.job import Job
from amlet.domain.run import PREPARING
from amlet.environments import Environments
from amlet.environments.bytecode import compile_build
from amlet.wire.environments import BuildEnvironment, BuildQuery
from amlet.wire.runs import SubmitRun, WatchQuery
from amlet.wire.workspaces import EnsureWorkspace
from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.place import Place, run, start_server

SPEC = EnvironmentSpec("learning", pip=["scikit-learn"])
TEN = (
    "scikit-learn==1.5.2",
    "scikit-learn==1.6.1",
    "pandas==2.2.3",
    "scipy==1.14.1",
    "matplotlib==3.9.2",
    "statsmodels==0.14.4",
    "seaborn==0.13.2",
    "networkx==3.4.2",
    "flask==3.0.3",
    "joblib==1.4.2",
)
COLD_PAIRS = 5
TEN_PAIRS = 3


def figures(place: Place) -> Iterator[Figure]:
    """Cached, known, cold, cold beside pip, ten at once, and what byte code costs the second run."""
    environments = Environments(place.folder("environments"))
    lock = environments.resolve(SPEC, _silent)
    python = next(held for held in environments.at_hand() if str(held).startswith(f"{lock.python}.")).path
    with place.other_home() as home:
        client = start_server(home)
        yield _cached(client, place.folder("job"), python)
        yield _ten_at_once(client, home, place, python)
        client.close()
    yield _known_lock(place, lock, python)
    yield _cold(place, python)
    yield _cold_beside_pip(place, python)
    yield _second_import(environments, lock, place)


def _cached(client: Client, folder: Path, python: Path) -> Figure:
    """A submit, after which the run waits for nothing but its turn; beside one for an interpreter of the user's."""
    workspace = _workspace(client)
    (folder / "hi.py").write_text("")
    snapshot = scan(folder)
    _ask(client, workspace, SPEC)

    def submit(environment: EnvironmentSpec) -> float:
        asked = SubmitRun("bench", Job(environment, "", script="hi.py"), snapshot.entries, uuid.uuid4().hex)
        began = time.perf_counter()
        answer = client.runs.submit(workspace, asked)
        took = (time.perf_counter() - began) * 1000
        assert answer.run is not None
        assert answer.run.status != PREPARING
        made = client.runs.cancel(workspace, answer.run.id)
        while not made.is_over:
            made = client.runs.watch(workspace, made.id, WatchQuery(made.revision, 10.0)).run
        return took

    own = EnvironmentSpec("own", user_managed=True, interpreter=str(python))
    _ask(client, workspace, own)
    send_missing(client, workspace, [entry.sha256 for entry in snapshot.entries], sources_of(folder, snapshot.entries))
    ours_ms, floor_ms = interleaved(lambda: submit(SPEC), lambda: submit(own), pairs=20)
    what = "the same submit with nothing to build"
    return Figure("cached environment to ready", "ms", ours_ms, what, floor_ms, Bar(ours=10))


def _known_lock(place: Place, lock: Lock, python: Path) -> Figure:
    requirements = place.folder("lock") / "requirements.txt"
    requirements.write_text(lock.requirements)

    def ours() -> float:
        fresh = Environments(place.folder("environments"))
        return timed_ms(lambda: fresh.build(lock, _silent))

    def uv() -> float:
        venv = place.folder("uv") / "venv"
        return timed_ms(lambda: (_uv_venv(venv, python), _uv("pip", "sync", requirements, "--python", _python(venv))))

    ours_ms, uv_ms = interleaved(ours, uv)
    what = "uv venv && uv pip sync"
    return Figure("known lock to a new build, warm cache", "ms", ours_ms, what, uv_ms, Bar(ratio=1.3), is_peer=True)


def _cold(place: Place, python: Path) -> Figure:
    def ours() -> float:
        with _cache(place.folder("cache")):
            return timed_ms(lambda: _from_spec(Environments(place.folder("environments")), SPEC))

    def uv() -> float:
        venv, cache = place.folder("uv") / "venv", place.folder("cache")
        return timed_ms(lambda: _uv_install(venv, python, SPEC.pip[0], cache))

    ours_ms, uv_ms = interleaved(ours, uv, pairs=COLD_PAIRS, warm=False)
    what = "uv venv && uv pip install"
    return Figure("spec to ready, empty cache", "ms", ours_ms, what, uv_ms, Bar(ratio=1.3), is_peer=True)


def _cold_beside_pip(place: Place, python: Path) -> Figure:
    def ours() -> float:
        with _cache(place.folder("cache")):
            return timed_ms(lambda: _from_spec(Environments(place.folder("environments")), SPEC))

    def pip() -> float:
        venv = place.folder("pip") / "venv"

        def install() -> None:
            run([python, "-m", "venv", venv])
            run([_python(venv), "-m", "pip", "install", "--quiet", "--no-cache-dir", SPEC.pip[0]])

        return timed_ms(install)

    ours_ms, pip_ms = interleaved(ours, pip, pairs=1, warm=False)
    what = "python -m venv && pip install"
    return Figure("spec to ready, empty cache, beside pip", "ms", ours_ms, what, pip_ms, Bar(ratio=1), is_peer=True)


def _ten_at_once(client: Client, home: Home, place: Place, python: Path) -> Figure:
    workspace = _workspace(client)
    minor = ".".join(str(held) for held in sys.version_info[:2])

    def ask(line: str, token: str) -> None:
        # A comment makes it another spec of the same packages, resolved and built again.
        spec = EnvironmentSpec(line.partition("=")[0], python=minor, pip=[line, f"# {token}"])
        _ask(client, workspace, spec, anew=True)

    def ours() -> float:
        for build in home.environments.glob("builds/*"):
            build.rename(place.folder("old") / build.name)
        token = uuid.uuid4().hex
        with ThreadPoolExecutor(len(TEN)) as pool:
            return timed_ms(lambda: list(pool.map(lambda line: ask(line, token), TEN)))

    def uv() -> float:
        folder = place.folder("uv")
        return sum(timed_ms(lambda line=line: _uv_install(folder / line, python, line)) for line in TEN)

    ours_ms, uv_ms = interleaved(ours, uv, pairs=TEN_PAIRS)
    what = "the sum of ten times uv venv && uv pip install, one after the other"
    name = "ten different environments at once, warm cache"
    return Figure(name, "ms", ours_ms, what, uv_ms, Bar(ratio=1.2), is_peer=True)


def _second_import(environments: Environments, lock: Lock, place: Place) -> Figure:
    statement = "import sklearn.svm"
    used = environments.build(lock, _silent)
    other = Environments(place.folder("environments"))
    compiled = other.build(lock, _silent)
    assert compile_build(compiled.path, compiled.path.parent, threading.Event())
    first_ms = timed_ms(lambda: run([used.python, "-c", statement]))
    ours_ms, floor_ms = interleaved(
        lambda: timed_ms(lambda: run([used.python, "-c", statement])),
        lambda: timed_ms(lambda: run([compiled.python, "-c", statement])),
    )
    return Figure(
        "import sklearn.svm in the second run",
        "ms",
        ours_ms,
        "the same in a build that was compiled to its end",
        floor_ms,
        Bar(ratio=1.1),
        note=f"in the first run {first_ms:.0f} ms",
    )


def _workspace(client: Client) -> str:
    return client.workspaces.ensure(EnsureWorkspace("local", "bench", "environments")).workspace.id


def _ask(client: Client, workspace: str, spec: EnvironmentSpec, *, anew: bool = False) -> None:
    api = client.environments
    asked = api.build(workspace, BuildEnvironment(spec, anew))
    state = api.build_state(workspace, asked.id, BuildQuery(0, 30.0))
    while not state.build.is_over:
        state = api.build_state(workspace, asked.id, BuildQuery(state.next_offset, 30.0))
    assert state.build.status == SUCCEEDED, state.build.error


def _from_spec(environments: Environments, spec: EnvironmentSpec) -> None:
    environments.build(environments.resolve(spec, _silent), _silent)


def _uv_install(venv: Path, python: Path, requirement: str, cache: Path | None = None) -> None:
    _uv_venv(venv, python, cache)
    _uv("pip", "install", requirement, "--python", _python(venv), cache=cache)


def _uv_venv(venv: Path, python: Path, cache: Path | None = None) -> None:
    _uv("venv", "--python", python, venv, cache=cache)


def _uv(*arguments: str | Path, cache: Path | None = None) -> None:
    more = {"UV_CACHE_DIR": str(cache)} if cache else {}
    run([find_uv_bin(), *arguments, "--quiet"], **more)


def _python(venv: Path) -> Path:
    return venv / "bin" / "python"


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """With a cache of uv's in this folder."""
    before = os.environ.get("UV_CACHE_DIR")
    os.environ["UV_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["UV_CACHE_DIR"]
        if before is not None:
            os.environ["UV_CACHE_DIR"] = before


def _silent(_line: str) -> None:
    """A log that nobody reads."""
