"""The child process that holds Ray, from the server's side: calls with a time limit each."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from amlet.base.paths import owner_only
from amlet.base.variables import own_environment

RECONNECT_S = 5
"""Ray ends the process that has been without the cluster's head for so long."""

LOG_LIMIT_BYTES = 8 << 20


class RayLost(Exception):
    """The cluster, or the process that holds it, does not answer, or says no. A new process may fare better."""


class RayProcess:
    """One life of the child. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        """Start it; its log is `folder/ray.log`.

        Raises:
            OSError: it cannot be started.
        """
        path = owner_only(folder) / "ray.log"
        with contextlib.suppress(OSError):
            if path.stat().st_size > LOG_LIMIT_BYTES:
                path.replace(path.with_suffix(".old.log"))
        variables = own_environment()
        variables.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(RECONNECT_S))
        with path.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "amlet.compute.ray_child"],
                cwd=folder,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._input: IO[bytes] = self._child.stdin
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._child.stdout,), name="ray-answers", daemon=True)
        self._reader.start()
        self._log = path

    def call(self, call: str, timeout_s: float, /, **arguments: Any) -> Any:
        """Ask and wait for the answer.

        Raises:
            RayLost: there is none in time, or it is an error. The process is of no use any more.
        """
        try:
            self._input.write(json.dumps({"call": call, **arguments}).encode() + b"\n")
            self._input.flush()
            line = self._lines.get(timeout=timeout_s)
        except OSError:
            line = b""
        except queue.Empty:
            raise RayLost(f"it has not answered for {timeout_s:.0f} s") from None
        if not line:
            raise RayLost(self._last_words())
        told = json.loads(line)
        if "error" in told:
            raise RayLost(told["error"])
        return told["answer"]

    def close(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            self._child.wait(2.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join(5.0)
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _read(self, output: IO[bytes]) -> None:
        for line in output:
            self._lines.put(line)
        self._lines.put(b"")

    def _last_words(self) -> str:
        """Of a process that has ended: Ray says why in its log."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5.0)
        said = ""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 2_000))
            said = log.read().decode(errors="replace").strip().splitlines()[-1:][0]
        return f"the process that holds Ray ended with {self._child.returncode}: {said[:500]}"
