"""Starts the processes of a node that runs several of one job, and ends all when one of them fails.

`<python of the build> launch.py <attempt folder> <processes> <first rank>`, in the staged snapshot and with the
variables of the first one. Each is the bootstrap in a folder of its own, `ranks/<rank>`; `result.json` of the attempt's
folder says how the whole ended, as that of one process does, and `rank` in it whose failure it is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional

KILL_AFTER_S = 8.0
"""Between SIGTERM and SIGKILL; the node waits a little longer before it ends this process by force."""

TICK_S = 0.02
OF_ALL = ("RANK", "OMPI_COMM_WORLD_RANK")
OF_NODE = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_NODE_RANK")


class Rank:
    """One process of the job."""

    def __init__(self, folder: str, rank: int, local_rank: int) -> None:
        self.rank = rank
        self.folder = os.path.join(folder, "ranks", str(rank))  # noqa: PTH118
        os.makedirs(self.folder, 0o700, exist_ok=True)  # noqa: PTH103
        shutil.copyfile(os.path.join(folder, "job.json"), os.path.join(self.folder, "job.json"))  # noqa: PTH118
        bootstrap = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")  # noqa: PTH100, PTH118, PTH120
        variables = dict(os.environ)
        variables.update({name: str(rank) for name in OF_ALL if name in variables})
        variables.update({name: str(local_rank) for name in OF_NODE if name in variables})
        with open(os.path.join(self.folder, "std_log.txt"), "ab") as output:  # noqa: PTH118, PTH123
            self.child = subprocess.Popen(
                [sys.executable, bootstrap, self.folder],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def result(self) -> Dict[str, Any]:
        """What it wrote as its last act; made up for one that wrote nothing."""
        try:
            with open(os.path.join(self.folder, "result.json"), "rb") as file:  # noqa: PTH118, PTH123
                told: Dict[str, Any] = json.load(file)
                return told
        except (OSError, ValueError):
            code = self.child.returncode
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            failure = {
                "type": "SystemExit",
                "message": f"ended without a result: {how}",
                "stack_trace": None,
                "line": None,
            }
            code = 128 - code if code < 0 else code or 1
            return {"exit_code": code, "exception": failure, "usage": {"max_rss_bytes": 0, "user_s": 0, "system_s": 0}}

    @property
    def is_good(self) -> bool:
        """Whether it ended well."""
        told = self.result()
        return self.child.poll() is not None and not told["exit_code"] and told["exception"] is None


def main(folder: str, count: int, first_rank: int) -> int:
    """Run all to their end; the exit code of the first that failed."""
    asked_to_end: List[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _: asked_to_end.append(got))
    ranks = [Rank(folder, first_rank + local_rank, local_rank) for local_rank in range(count)]
    failed: Optional[Rank] = None
    kill_at: Optional[float] = None
    while any(rank.child.poll() is None for rank in ranks):
        if failed is None and not asked_to_end:
            failed = next((rank for rank in ranks if rank.child.poll() is not None and not rank.is_good), None)
        if kill_at is None and (failed is not None or asked_to_end):
            kill_at = time.monotonic() + KILL_AFTER_S
            _signal(ranks, signal.SIGTERM)
        if kill_at is not None and time.monotonic() > kill_at:
            _signal(ranks, signal.SIGKILL)
        time.sleep(TICK_S)
    if failed is None:
        failed = next((rank for rank in ranks if not rank.is_good), None)
    results = [rank.result() for rank in ranks]
    told = dict(failed.result(), rank=failed.rank) if failed is not None else dict(results[0])
    told["usage"] = {
        "max_rss_bytes": max(each["usage"]["max_rss_bytes"] for each in results),
        "user_s": sum(each["usage"]["user_s"] for each in results),
        "system_s": sum(each["usage"]["system_s"] for each in results),
    }
    path = os.path.join(folder, "result.json")  # noqa: PTH118
    with open(path + ".part", "w", encoding="ascii") as file:  # noqa: PTH123
        json.dump(told, file)
    os.replace(path + ".part", path)  # noqa: PTH105
    return int(told["exit_code"])


def _signal(ranks: List[Rank], number: int) -> None:
    for rank in ranks:
        if rank.child.poll() is None:
            rank.child.send_signal(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
