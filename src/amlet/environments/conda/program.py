"""micromamba, mamba or conda on PATH: asked by its command line, answers in JSON."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from amlet.base.urls import without_login
from amlet.domain.environment import CondaFile
from amlet.environments.conda.base import (
    BAD_HASH,
    NOT_THE_LOCKED,
    OTHER,
    UNREACHABLE,
    UNSOLVABLE,
    CondaFailed,
    CondaPackage,
    Log,
    is_file,
    sentence,
)
from amlet.environments.conda.process import last_document, run
from amlet.environments.follow import Ended

NAMES = ("micromamba", "mamba", "conda")
"""Looked for in this order: the first ones solve in seconds."""

_NOT_REACHED = (
    "HTTPError",
    "HTTP 4",
    "HTTP 5",
    "ConnectionFailed",
    "Could not resolve host",
    "Connection refused",
    "UnavailableInvalidChannel",
    "Download error",
    "ProxyError",
    "SSLError",
    "timed out",
)


class CondaProgram:
    """One of them; see `CondaBackend`."""

    knows_dates = False

    def __init__(self, path: Path, cache: Path) -> None:
        self.name = path.name
        self._path = path
        self._packages = cache / f"packages-{path.name}"
        """Ours alone, so that the file of every package is there to be checked."""

    @classmethod
    def find(cls, cache: Path) -> CondaProgram | None:
        """The first one on PATH."""
        found = next((path for path in map(shutil.which, NAMES) if path), None)
        return cls(Path(found), cache) if found else None

    def solve(self, specs: Sequence[str], channels: Sequence[str], as_of: str | None, log: Log) -> list[CondaPackage]:
        """See `CondaBackend.solve`."""
        assert as_of is None, "it knows no dates"
        asked = [word for channel in channels for word in ("--channel", channel)]
        with tempfile.TemporaryDirectory(prefix="amlet-solve-") as folder:
            # conda tells the URL and hashes only of what it would fetch: an empty cache makes that everything.
            argv = [*self._create(Path(folder, "prefix")), "--dry-run", "--override-channels", *asked, *specs]
            done = run(argv, log, variables={"CONDA_PKGS_DIRS": str(Path(folder, "packages"))})
        answer = last_document(done.answer)
        actions = answer.get("actions")
        if done.code or not isinstance(actions, dict):
            raise _failed(done, answer)
        return [_package(record) for record in _records(actions)]

    def install(self, files: Sequence[CondaFile], prefix: Path, log: Log) -> None:
        """See `CondaBackend.install`."""
        self._packages.mkdir(parents=True, exist_ok=True)
        # Some releases refuse a folder that is there and is no environment.
        prefix.rmdir()
        with tempfile.TemporaryDirectory(prefix="amlet-install-") as folder:
            explicit = Path(folder, "explicit.txt")
            lines = ["@EXPLICIT", *(held.url for held in files)]
            explicit.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            argv = [*self._create(prefix), "--file", str(explicit)]
            done = run(argv, log, variables={"CONDA_PKGS_DIRS": str(self._packages)})
        if done.code:
            raise _failed(done, last_document(done.answer))
        for held in files:
            self._check(held)

    def _create(self, prefix: Path) -> list[str]:
        return [str(self._path), "create", "--yes", "--json", "--prefix", str(prefix)]

    def _check(self, held: CondaFile) -> None:
        """Not left to the program: what it checks in an explicit list differs from release to release."""
        name = unquote(held.url.rsplit("/", 1)[-1])
        there = [self._packages / name] if (self._packages / name).is_file() else list(self._packages.rglob(name))
        if any(is_file(path, held.sha256) for path in there):
            return
        # The next one must not find what came in its place.
        for path in there:
            path.unlink()
            shutil.rmtree(_extracted(path), ignore_errors=True)
        reason = NOT_THE_LOCKED.format(held.name) if there else f"it kept no {name} that could be checked"
        raise CondaFailed(BAD_HASH if there else OTHER, reason)


def _extracted(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".conda").removesuffix(".tar.bz2"))


def _records(actions: dict[str, Any]) -> list[dict[str, Any]]:
    """One record a package. conda tells its whole record under FETCH, micromamba under LINK too."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("LINK", "FETCH"):
        for record in actions.get(kind) or ():
            told = {key: value for key, value in record.items() if value not in (None, "")}
            found.setdefault(record["name"], {}).update(told)
    return list(found.values())


def _package(record: dict[str, Any]) -> CondaPackage:
    name, version = str(record["name"]), str(record["version"])
    url, digest = record.get("url"), record.get("sha256")
    if not url or not digest:
        missing = "its URL" if not url else "no SHA-256 of it"
        raise CondaFailed(OTHER, f"the channel of {name} {version} tells {missing}")
    depends = record.get("depends")
    is_python = record.get("noarch") == "python" or depends is None
    is_python = is_python or any(str(held).split(" ")[0] == "python" for held in depends or ())
    return CondaPackage(CondaFile(without_login(str(url)), str(digest), name, version), is_python)


def _failed(done: Ended, answer: dict[str, Any]) -> CondaFailed:
    told = answer.get("message") or answer.get("error") or answer.get("solver_problems")
    if isinstance(told, list):
        told = "; ".join(str(line) for line in told)
    reason = sentence(without_login(str(told or " ".join(done.lines[-20:])))) or f"it ended with exit code {done.code}"
    everything = " ".join([json.dumps(answer), *done.lines])
    if "No space left on device" in everything:
        raise OSError(28, os.strerror(28))
    reached = not any(sign in everything for sign in _NOT_REACHED)
    return CondaFailed(UNSOLVABLE if reached else UNREACHABLE, reason)
