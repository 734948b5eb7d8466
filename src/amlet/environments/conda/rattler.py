"""py-rattler, in a process of its own: a solve takes gigabytes over conda-forge, and it can be ended."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from amlet.base.urls import without_login
from amlet.domain.environment import CondaFile
from amlet.environments.conda.base import (
    BAD_HASH,
    NOT_THE_LOCKED,
    OTHER,
    CondaFailed,
    CondaPackage,
    Log,
    is_file,
    sentence,
)
from amlet.environments.conda.channels import spelled_out
from amlet.environments.conda.process import last_document, run


class Rattler:
    """See `CondaBackend`."""

    name = "py-rattler"
    knows_dates = True

    def __init__(self, cache: Path) -> None:
        self._cache = cache / "rattler"

    @classmethod
    def find(cls, cache: Path) -> Rattler | None:
        """It, where it is installed beside amlet."""
        return cls(cache) if importlib.util.find_spec("rattler") else None

    def solve(self, specs: Sequence[str], channels: Sequence[str], as_of: str | None, log: Log) -> list[CondaPackage]:
        """See `CondaBackend.solve`."""
        question = {"specs": list(specs), "channels": spelled_out(channels), "as_of": as_of}
        answer = self._ask("solve", question, log)
        return [
            CondaPackage(
                CondaFile(without_login(held["url"]), held["sha256"], held["name"], held["version"]), held["is_python"]
            )
            for held in answer["packages"]
        ]

    def install(self, files: Sequence[CondaFile], prefix: Path, log: Log) -> None:
        """See `CondaBackend.install`."""
        for held in files:
            # It checks what it downloads, and takes what lies on this machine as it is.
            path = unquote(urlsplit(held.url).path) if held.url.startswith("file:") else None
            if path is not None and not is_file(Path(path), held.sha256):
                raise CondaFailed(BAD_HASH, NOT_THE_LOCKED.format(held.name))
        asked = [held._asdict() for held in files]
        try:
            self._ask("install", {"files": asked, "prefix": str(prefix)}, log)
        except CondaFailed as error:
            forged = next((held for held in files if held.url.rsplit("/", 1)[-1] in error.reason), None)
            if error.kind != BAD_HASH or forged is None:
                raise
            raise CondaFailed(BAD_HASH, NOT_THE_LOCKED.format(forged.name)) from error

    def _ask(self, what: str, question: dict[str, Any], log: Log) -> dict[str, Any]:
        self._cache.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "amlet.environments.conda.rattler_child"]
        # It runs in another folder, and finds what this process finds.
        variables = {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}
        asked = json.dumps({"what": what, "cache": str(self._cache), **question})
        done = run(argv, log, question=asked, variables=variables)
        answer = last_document(done.answer)
        if answer.get("failed"):
            raise CondaFailed(answer["failed"], sentence(without_login(answer["reason"])))
        if done.code or not answer:
            raise CondaFailed(OTHER, sentence(" ".join(done.lines[-5:])) or f"it ended with exit code {done.code}")
        return answer
