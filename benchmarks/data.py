"""Uploads to a local datastore beside `cp -r`, and what a mount costs before a script starts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from amlet.client.datastore_files import DatastoreFiles
from amlet.domain.data import MOUNT, DataPath, JobInput
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.node.data import RunData
from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.place import Place, run

SMALL, SMALL_BYTES = 2_000, 4_096
LARGE_BYTES = 1 << 30
CHUNK = b"0123456789abcdef" * (1 << 16)


def figures(place: Place) -> Iterator[Figure]:
    """First uploads, the same again, and a mount of both."""
    from azureml.core import Datastore, Workspace

    _ = place.client
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    store = Datastore(workspace)
    small, large = place.folder("data-small"), place.folder("data-large")
    for number in range(SMALL):
        (small / f"{number // 100}").mkdir(exist_ok=True)
        (small / f"{number // 100}" / f"{number}.bin").write_bytes(CHUNK[:SMALL_BYTES])
    with (large / "large.bin").open("wb") as file:
        for _ in range(LARGE_BYTES // len(CHUNK)):
            file.write(CHUNK)
    names = iter(range(1_000))
    files = DatastoreFiles(workspace._connection.client, workspace._connection.workspace_id, place.root / "cache")
    folder = files.folder(store.name)
    assert folder is not None

    for noun, source in (("2,000 x 4 KB", small), ("1 x 1 GB", large)):
        first, copied = _uploads(store, folder.root, source, place.root, names)
        yield Figure(f"upload to a local datastore, {noun}", "ms", *_pair(first, copied), Bar(ratio=2))
        store.upload(str(source), "again", show_progress=False)

        def again(source: Path = source) -> float:
            return timed_ms(lambda: store.upload(str(source), "again", overwrite=True, show_progress=False))

        yield Figure(f"the same again, {noun}", "ms", *_pair(again, copied), Bar(ratio=0.2))

    job = Job(EnvironmentSpec("e"), "", inputs=[JobInput("all", MOUNT, [DataPath(store.name, "again")])])

    def mounted() -> float:
        attempt = place.folder("attempt")
        took = timed_ms(lambda: RunData(job, files, attempt, attempt / "work").stage(print))
        shutil.rmtree(attempt)
        return took

    def linked() -> float:
        link = place.root / "link"
        took = timed_ms(lambda: run(["ln", "-s", folder.root, link]))
        link.unlink()
        return took

    yield Figure("mount of local data, 1 GB and 2,000 files", "ms", *_pair(mounted, linked), Bar(ours=20))


def _pair(ours, floor):  # type: ignore[no-untyped-def]
    found, beside = interleaved(ours, floor)
    return found, "cp -r" if "copied" in floor.__qualname__ else "ln -s", beside


def _uploads(store, root: Path, source: Path, folder: Path, names: Iterator[int]):  # type: ignore[no-untyped-def]
    """What uploads to a name that is new, and what copies beside it; neither leaves its files."""

    def first() -> float:
        name = f"first-{next(names)}"
        took = timed_ms(lambda: store.upload(str(source), name, show_progress=False))
        shutil.rmtree(root / name)
        return took

    def copied() -> float:
        target = folder / "copied"
        took = timed_ms(lambda: run(["cp", "-r", source, target]))
        shutil.rmtree(target)
        return took

    return first, copied
