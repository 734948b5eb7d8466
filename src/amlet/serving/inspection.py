"""Pickles looked into for the server: in a process of its own each, bounded in time and memory, and kept by hash."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO

from amlet.serving.pickles import Imports

TIMEOUT_S = 5.0
LIMIT_BYTES = 256 << 20
KEPT = 1_000


class Inspections:
    """What pickles would import. Safe from any thread; one is looked into at a time."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, limit_bytes: int = LIMIT_BYTES) -> None:
        self._timeout_s = timeout_s
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[str, Imports] = OrderedDict()
        self._turn = threading.Lock()

    def look(self, sha256: str, size_bytes: int, opened: Callable[[], BinaryIO]) -> Imports:
        """Look into a pickle, or say again what was found in it. Blocks, for `timeout_s` at most once it has its turn.

        Args:
            opened: Opens its bytes; what it raises passes through.
        """
        with self._turn:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
            if size_bytes > self._limit_bytes:
                return Imports([], [], f"it has more than {self._limit_bytes >> 20} MB")
            found = self._ask(opened)
            self._kept[sha256] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def _ask(self, opened: Callable[[], BinaryIO]) -> Imports:
        variables = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR", "LANG") if name in os.environ}
        argv = [sys.executable, "-m", "amlet.serving.pickles_child"]
        with (
            opened() as data,
            subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=variables,
                cwd="/",
            ) as child,
        ):
            assert child.stdin is not None and child.stdout is not None
            over = threading.Timer(self._timeout_s, child.kill)
            over.start()
            try:
                with contextlib.suppress(BrokenPipeError), child.stdin:
                    shutil.copyfileobj(data, child.stdin, 1 << 20)
                told = child.stdout.read()
                code = child.wait()
            except BaseException:
                child.kill()
                raise
            finally:
                over.cancel()
        if code != 0:
            return Imports([], [], f"the process that reads it ended with {code}: it took too long, or too much memory")
        return Imports(**json.loads(told))
