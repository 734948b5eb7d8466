"""A source folder, from the walk to every byte durable in a real server's store."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from amlet.client.hash_cache import RACY_NS
from amlet.client.snapshot import scan
from amlet.client.uploads import send_missing, sources_of
from amlet.wire.files import Hashes
from benchmarks.measure import PAIRS, Bar, Figure, interleaved, timed_ms
from benchmarks.place import Place, run

SMALL, SMALL_BYTES = 2_000, 4_096
LARGE, LARGE_BYTES = 30, 10_500_000


def figures(place: Place) -> Iterator[Figure]:
    """First beside `zip -1`, unchanged beside `git add`, large beside a copy that is synced."""
    from azureml.core import Workspace

    client = place.client
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    workspace_id = workspace._connection.workspace_id

    def send(folder: Path) -> int:
        snapshot = scan(folder, home=place.home)
        missing = client.blobs.missing(workspace_id, Hashes([entry.sha256 for entry in snapshot.entries])).sha256
        send_missing(client, workspace_id, missing, sources_of(snapshot.folder, snapshot.entries))
        return len(missing)

    fresh = iter([_sources(place.folder("small"), seed) for seed in range(PAIRS + 1)])
    folder = _sources(place.folder("small"), PAIRS + 1)

    def first() -> float:
        source = next(fresh)
        took = timed_ms(lambda: send(source))
        shutil.rmtree(source)
        return took

    def zipped() -> float:
        archive = place.root / "first.zip"
        took = timed_ms(lambda: run(["zip", "-1", "-q", "-r", archive, "."], folder=folder))
        archive.unlink()
        return took

    ours, floor = interleaved(first, zipped)
    yield Figure("snapshot, 2,000 x 4 KB, first", "ms", ours, "zip -1", floor, Bar(ours=200, ratio=1))

    time.sleep(RACY_NS / 1e9)  # hashes of files this young are not kept, as in git's index
    send(folder)
    run(["git", "init", "-q"], folder=folder)
    (folder / ".git" / "info" / "exclude").write_text("")
    run(["git", "add", "."], folder=folder)

    def unchanged() -> float:
        sent = 0

        def again() -> None:
            nonlocal sent
            sent = send(folder)

        took = timed_ms(again)
        assert sent == 0, f"{sent} blobs of an unchanged folder were sent"
        return took

    ours, floor = interleaved(unchanged, lambda: timed_ms(lambda: run(["git", "add", "."], folder=folder)), pairs=15)
    yield Figure("snapshot, 2,000 x 4 KB, unchanged", "ms", ours, "git add", floor, Bar(ours=30), is_peer=True)
    shutil.rmtree(folder)

    number = iter(range(100, 200))

    def large() -> float:
        source = _large(place.folder("large"), next(number))
        os.sync()
        took = timed_ms(lambda: send(source))
        shutil.rmtree(source)
        return took

    def copied() -> float:
        source, target = _large(place.folder("large"), next(number)), place.root / "copy"
        os.sync()
        took = timed_ms(lambda: _copy(source, target))
        shutil.rmtree(source)
        shutil.rmtree(target)
        return took

    ours, floor = interleaved(large, copied, warm=False)
    yield Figure(
        "snapshot, 315 MB in 30 files",
        "ms",
        ours,
        "copied and synced",
        floor,
        Bar(ratio=1),
        note="the floor reads, writes and syncs the same bytes; it hashes none",
    )


def _sources(folder: Path, seed: int) -> Path:
    """Files such as people have: text, no two alike."""
    chance = random.Random(seed)
    words = ["def", "return", "self", "import", "numpy", "value", "train", "model", "for", "in", "=", "(", ")", ":\n"]
    for number in range(SMALL):
        below = folder / f"package_{number % 40}"
        below.mkdir(exist_ok=True)
        text = " ".join(chance.choices(words, k=900)) + f" {chance.random()} {seed} {number}"
        (below / f"module_{number}.py").write_text(text[:SMALL_BYTES].ljust(SMALL_BYTES - 40) + f"{seed:20}{number:20}")
    return folder


def _large(folder: Path, seed: int) -> Path:
    chance = random.Random(seed)
    block = chance.randbytes(LARGE_BYTES)
    for number in range(LARGE):
        (folder / f"part_{number}.bin").write_bytes(number.to_bytes(4, "big") + block[4:])
    return folder


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for file in sorted(source.iterdir()):
        with file.open("rb") as opened, (target / file.name).open("wb") as out:
            shutil.copyfileobj(opened, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
