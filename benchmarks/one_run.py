"""`print('hi')` as a run, from submit to the client seeing Completed, with the build at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.peers import peer
from benchmarks.place import Place, Skipped, run

SUBMITIT = """
import sys, time, submitit
def hi():
    print("hi")
executor = submitit.AutoExecutor(folder=sys.argv[1], cluster="local")
began = time.perf_counter()
executor.submit(hi).result()
print((time.perf_counter() - began) * 1000)
"""

MLFLOW = """
import sys, time, mlflow
mlflow.set_tracking_uri(sys.argv[2])
began = time.perf_counter()
mlflow.projects.run(sys.argv[1], env_manager="local", synchronous=True)
print((time.perf_counter() - began) * 1000)
"""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """Beside `python hi.py`, then beside submitit and MLflow's projects, both on this machine."""
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

    folder = place.folder("hello")
    (folder / "hi.py").write_text("print('hi')\n")
    place.client  # noqa: B018 - starts the server
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    experiment = Experiment(workspace, "hello")
    config = ScriptRunConfig(str(folder), "hi.py", environment=Environment("hello"))

    def submit() -> None:
        told = experiment.submit(config)
        assert told.wait_for_completion()["status"] == "Completed"

    submit()
    (build,) = place.home.environments.glob("builds/*/bin/python")

    def ours() -> float:
        return timed_ms(submit)

    mine, floor = interleaved(ours, lambda: timed_ms(lambda: run([build, "hi.py"], folder=folder)), pairs=15)
    yield Figure("hello, submit to Completed", "ms", mine, "python hi.py", floor, Bar(over=150))
    for package, text, check in (
        ("submitit", SUBMITIT, "import submitit"),
        ("mlflow-skinny", MLFLOW, "import mlflow"),
    ):
        try:
            theirs = _peer(package, text, check, place)
            mine, other = interleaved(ours, theirs)
        except (Skipped, RuntimeError) as error:
            yield Skipped(f"{package}: {str(error)[-300:]}")
            continue
        yield Figure(f"hello, {package}", "ms", mine, f"{package}, local", other, Bar(ratio=1), is_peer=True)


def _peer(package: str, text: str, check: str, place: Place):  # type: ignore[no-untyped-def]
    python = peer(package, check)
    folder = place.folder(package)
    (folder / "hi.py").write_text("print('hi')\n")
    (folder / "MLproject").write_text("name: hello\nentry_points:\n  main:\n    command: python hi.py\n")

    def measure() -> float:
        told = run(
            [python, "-c", text, folder, f"file://{folder}/mlruns"],
            folder=folder,
            PATH=f"{Path(python).parent}:/usr/bin:/bin",
            GIT_PYTHON_REFRESH="quiet",
            MLFLOW_ALLOW_FILE_STORE="true",
        )
        return float(told.splitlines()[-1])

    return measure
