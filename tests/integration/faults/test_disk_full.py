"""A small disk of the node's, filled by the script: training goes on, and the run says what it cost."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.faults import Scene

SCRIPT = """
import os, signal, sys
from azureml.core import Run

run = Run.get_context()
run.log("value", 0)
with open("outputs/full", "wb", buffering=0) as full:
    for size in (65536, 4096, 1):
        try:
            while full.write(bytes(size)) == size:
                pass
        except OSError:
            pass
for number in range(1, 1000):
    run.log("value", number)
ENDING
"""

ENDINGS = {
    "goes-on": ("", "Completed"),
    "space-comes-back": ("os.remove('outputs/full'); run.log('value', 1000)", "Completed"),
    "raises": ("raise ValueError('x' * 50000)", "Failed"),
    "is-killed": ("os.kill(os.getpid(), signal.SIGKILL)", "Failed"),
}


@pytest.fixture
def small_disk(scene: Scene) -> Iterator[Path]:
    """4 MiB for the attempts of the local node."""
    folder = scene.server.home.nodes / "local" / "attempts"
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_that_a_full_disk_lost_are_counted_in_the_runs_warnings(scene: Scene, small_disk: Path, ending: str):
    line, status = ENDINGS[ending]

    scene.submit(SCRIPT.replace("ENDING", line), name=ending)
    (run,) = scene.settled()

    assert run.status == status, run.error
    (warning,) = [found for found in run.warnings if found.source == "metrics"]
    told = re.fullmatch(r"([\d,]+) values were lost: .*\(No space left on device\)\.", warning.message)
    assert told, warning
    kept = scene.values(run)
    last = [1000] if ending == "space-comes-back" else []
    assert int(told[1].replace(",", "")) + len(kept) - len(last) == 1000
    assert kept == [*range(len(kept) - len(last)), *last]
    if ending == "raises":
        assert run.error is not None
        assert run.error.type == "ValueError"
    if ending == "goes-on":
        sizes = {file.path: file.size_bytes for file in scene.client.runs.get(run.workspace_id, run.id).files}
        assert sizes["outputs/full"] > 1 << 20
