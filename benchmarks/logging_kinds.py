"""Rows, tables and images inside a job, beside `os.write` of the same bytes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from amlet.runtime.job import JobContext
from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, run

CHILD = """
import json, os, sys, time
from azureml.core import Run
PAIRS = 9
run = Run.get_context()
assert type(run).__name__ != "_OfflineRun"
folder = sys.argv[1]
plain = os.open(f"{folder}/plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
serial = iter(range(1 << 30))

def line(name, kind, value):
    os.write(plain, (json.dumps({"n": name, "k": kind, "v": value, "t": time.time()}) + "\\n").encode())

def rows(log):
    for number in range(3000):
        log("a row", **{f"column {place}": number / (place + 3) for place in range(15)})

def tables(log):
    for number in range(100):
        log("a table", {f"column {place}": [number / (cell + 3) for cell in range(100)] for place in range(10)})

def images(log):
    for image in made:
        log("an image", image)

def make_images():
    made.clear()
    for _ in range(50):
        number = next(serial)
        made.append(f"{folder}/image {number}.png")
        with open(made[-1], "wb") as file:  # no two have the same bytes
            file.write(b"\\x89PNG\\r\\n\\x1a\\n" + number.to_bytes(8, "big") + noise)

def plain_image(name, path):
    with open(path, "rb") as file:
        content = file.read()
    copy = os.open(f"{path}.copy", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(copy, content)
    os.close(copy)
    line(name, "image", f"aml://artifactId/ExperimentRun/dcid.bench_1/{path}")

made, noise = [], os.urandom(50_000)
SIDES = {
    "row": (rows, run.log_row, lambda name, **columns: line(name, "row", columns), 3000),
    "table": (tables, run.log_table, lambda name, value: line(name, "table", value), 100),
    "image": (images, run.log_image, plain_image, 50),
}
told = {name: {"ours": [], "floor": []} for name in SIDES}
for name, (work, ours, floor, calls) in SIDES.items():
    for turn in range(PAIRS + 1):
        for side, call in (("ours", ours), ("floor", floor)):
            make_images()
            began = time.perf_counter()
            work(call)
            if turn:
                told[name][side].append((time.perf_counter() - began) * 1000)
print(json.dumps(told))
"""

FIGURES = (
    ("row", "run.log_row, 3,000 of 15 columns", "os.write of json.dumps"),
    ("table", "run.log_table, 100 of 10 x 100", "os.write of json.dumps"),
    ("image", "run.log_image, 50 of 50 KB", "read, os.write to a new file and of json.dumps"),
)


def job_variables(folder: Path) -> dict[str, str]:
    """The variables of a process in a job whose server is nowhere: what is logged waits for none."""
    context = JobContext(
        run_id="bench_1",
        attempt=1,
        workspace_id="w",
        subscription_id="s",
        resource_group="g",
        workspace_name="bench",
        experiment="log",
        experiment_id="e",
        endpoint="http://127.0.0.1:9",
        token="t",
        journal_dir=folder / "journals",
    )
    return context.variables()


def figures(place: Place) -> Iterator[Figure]:
    """The whole cell of a notebook: making the values counts on both sides."""
    folder = place.folder("kinds")
    text = run([sys.executable, "-c", CHILD, folder], folder=folder, **job_variables(folder))
    told = json.loads(text.splitlines()[-1])
    for key, name, floor in FIGURES:
        yield Figure(name, "ms", told[key]["ours"], floor, told[key]["floor"], Bar(ratio=2))
