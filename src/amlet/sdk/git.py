"""Where the source came from: git's properties of a run (v1-behaviours 3.5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Dict, List, Optional

if TYPE_CHECKING:
    import subprocess

TIMEOUT_S = 5.0
"""A work tree on a slow disk must not hold a submit up."""

DIFF_LIMIT_BYTES = 10_000_000

DIRTY = "azureml.git.dirty"

VARIABLES = {
    "azureml.git.repository_uri": "AZUREML_GIT_REPOSITORY_URI",
    "azureml.git.branch": "AZUREML_GIT_BRANCH",
    "azureml.git.commit": "AZUREML_GIT_COMMIT",
    "azureml.git.dirty": "AZUREML_GIT_DIRTY",
    "azureml.git.build_id": "AZUREML_GIT_BUILD_ID",
    "azureml.git.build_uri": "AZUREML_GIT_BUILD_URI",
}

MLFLOW = {
    "mlflow.source.git.repoURL": "azureml.git.repository_uri",
    "mlflow.source.git.branch": "azureml.git.branch",
    "mlflow.source.git.commit": "azureml.git.commit",
}


def git_properties(folder: Path) -> Dict[str, str]:
    """Repository, branch, commit and whether there are changes; {} outside a work tree.

    Variables AZUREML_GIT_* come before what git says. A password in the repository's address is left out.
    """
    place = folder.resolve()
    told: Dict[str, str] = {}
    if any((parent / ".git").exists() for parent in (place, *place.parents)):
        told = _ask(place)
    for name, variable in VARIABLES.items():
        if os.environ.get(variable):
            told[name] = os.environ[variable]
    for name, source in MLFLOW.items():
        if source in told:
            told[name] = told[source]
    return told


def _ask(folder: Path) -> Dict[str, str]:
    told: Dict[str, str] = {}
    # One call tells branch, commit and changes; files that git does not know are not looked for, that is slow.
    for line in _git(folder, ["status", "--porcelain=v2", "--branch", "--untracked-files=no"]).splitlines():
        if line.startswith("# branch.oid ") and "(initial)" not in line:
            told["azureml.git.commit"] = line.split(" ", 2)[2]
        elif line.startswith("# branch.head ") and "(detached)" not in line:
            told["azureml.git.branch"] = line.split(" ", 2)[2]
        elif line and not line.startswith("#"):
            told["azureml.git.dirty"] = "True"
    if told:
        told.setdefault("azureml.git.dirty", "False")
        address = _git(folder, ["config", "--get", "remote.origin.url"]).strip()
        if address:
            told["azureml.git.repository_uri"] = without_password(address)
    return told


def uncommitted_diff(folder: Path, into: Path) -> Optional[Path]:
    """Write what was changed since the last commit, as `git diff HEAD` tells it, up to `DIFF_LIMIT_BYTES`.

    Args:
        into: A folder for the file.

    Returns:
        The file; None when nothing was changed, or outside a work tree.
    """
    place = folder.resolve()
    if not any((parent / ".git").exists() for parent in (place, *place.parents)):
        return None
    import subprocess

    target = into / "uncommitted.diff"
    arguments = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD"]
    try:
        with target.open("wb") as file, subprocess.Popen(
            ["git", "-C", str(place), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        ) as process:
            whole = _copy(process, file)
    except OSError:
        return None
    size = target.stat().st_size
    if not whole:
        with target.open("ab") as file:
            file.write(f"\n[cut here by amlet: the diff is longer than {size:,} bytes]\n".encode("ascii"))
    return target if size else None


def _copy(process: subprocess.Popen[bytes], file: BinaryIO) -> bool:
    """Copy what git says until it ends; it is ended at the limit or when its time is over."""
    from threading import Timer

    assert process.stdout is not None
    timer, left = Timer(TIMEOUT_S, process.kill), DIFF_LIMIT_BYTES
    timer.daemon = True
    timer.start()
    try:
        while left:
            piece = process.stdout.read(min(left, 1 << 16))
            if not piece:
                # Git's own failure - no commit yet, say - leaves nothing to keep; a killed one was cut.
                return process.wait() == 0 or not file.tell()
            file.write(piece)
            left -= len(piece)
        return not process.stdout.read(1)
    finally:
        timer.cancel()
        process.kill()


def without_password(address: str) -> str:
    """`https://user:secret@host/x` without `user:secret@`; `git@host:x` as it is."""
    scheme, mark, rest = address.partition("://")
    if not mark or "@" not in rest.split("/", 1)[0]:
        return address
    return f"{scheme}://{rest.split('@', 1)[1]}" if scheme in ("http", "https") else address


def _git(folder: Path, arguments: List[str]) -> str:
    import subprocess

    try:
        done: Optional[subprocess.CompletedProcess[str]] = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done is not None and done.returncode == 0 else ""
