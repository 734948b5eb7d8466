"""Work in the background: its state outlives the process, and its end is told even when the process was killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from amlet.sdk.local_work import FAILED, RUNNING, SUCCEEDED, LocalWork, wait_until_over


def test_work_is_running_until_it_is_done(tmp_path: Path) -> None:
    work = LocalWork(tmp_path / "one.json")
    work.start({"name": "one"}, lambda: {"found": 1})
    wait_until_over(lambda: work.read()["state"])
    found = work.read()
    assert (found["state"], found["name"], found["found"], found["error"]) == (SUCCEEDED, "one", 1, None)


def test_an_error_is_told_in_words(tmp_path: Path) -> None:
    def raises() -> dict[str, object]:
        raise ValueError("what went wrong")

    for do, told in ((raises, "what went wrong"), (lambda: {"error": "it says so"}, "it says so")):
        work = LocalWork(tmp_path / "one.json")
        work.start({}, do)
        wait_until_over(lambda work=work: work.read()["state"])
        assert (work.read()["state"], work.read()["error"]) == (FAILED, told)


def test_work_of_a_process_that_was_killed_has_failed(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    script = (
        "import os, sys; from pathlib import Path; from amlet.sdk.local_work import LocalWork; "
        "from threading import Event; LocalWork(Path(sys.argv[1])).start({}, lambda: Event().wait(60)); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert json.loads(path.read_text())["state"] == RUNNING
    found = LocalWork(path).read()
    assert (found["state"], found["error"]) == (FAILED, "The process that it went on in has ended.")
