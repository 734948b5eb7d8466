"""Azure's blob storage on this machine: Azurite, Microsoft's own emulator, from npm."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.server import until
from support.workers import MACHINE, locked

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Those that Azurite's documentation gives: they open nothing else."""

PACKAGE = "azurite@3"
INSTALLED = MACHINE / f"amlet-azurite-{os.getuid()}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def program() -> Path:
    """Azurite's own script, installed once a machine; the test is skipped where npm cannot bring it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no npm for Azurite")
    script = INSTALLED / "node_modules" / ".bin" / "azurite-blob"
    with locked(INSTALLED.with_suffix(".lock")):
        if not script.exists():
            made = INSTALLED.with_name(f"{INSTALLED.name}-{os.getpid()}")
            made.mkdir(exist_ok=True)
            told = subprocess.run(
                [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(made), PACKAGE],
                capture_output=True,
                text=True,
                timeout=240,
            )
            if told.returncode:
                pytest.skip("no npm for Azurite: " + told.stderr[-200:])
            made.rename(INSTALLED)
    return script


@contextlib.contextmanager
def azurite(folder: Path, *more: str) -> Iterator[str]:
    """The endpoint, `127.0.0.1:port`, of an emulator of its own, told more arguments."""
    port = free_port()
    arguments = ["--blobPort", str(port), "--location", str(folder), "--silent", "--skipApiVersionCheck", *more]
    process = subprocess.Popen([str(program()), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), what="Azurite")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
