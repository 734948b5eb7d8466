"""Pythons that are not on this machine, fetched by uv where the network allows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from amlet.base.errors import EnvironmentFailed
from amlet.base.units import human_seconds
from amlet.environments import uv_errors
from amlet.environments.pythons import OLDEST, Minor, minor_text
from amlet.environments.uv_program import is_offline, run_uv

TIMEOUT_S = 60.0
REFUSED_FOR_S = 3600.0
"""After a failure nothing is tried again for so long, so that a machine without a network waits once an hour."""

_ONE_AT_A_TIME = threading.Lock()


class PythonInstall:
    """The folder of fetched Pythons. Safe to use from any thread; uv keeps other processes apart."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fetch(self, minor: Minor, log: Callable[[str], None]) -> bool:
        """Try to install the newest release of a minor version. Blocks for a minute at most; never raises.

        Args:
            minor: Nothing is tried for one older than 3.8.
            log: Told what is tried, and why not.

        Returns:
            Whether it is there now.
        """
        if minor < OLDEST:
            return False
        name = f"Python {minor_text(minor)}"
        switched_off = _switched_off()
        if switched_off:
            log(f"{name} is not at hand, and is not fetched: {switched_off}.")
            return False
        with _ONE_AT_A_TIME:
            if self._has(minor):
                return True
            refusal = self.root / f".refused-{minor_text(minor)}"
            ago = _age_s(refusal)
            if ago is not None and ago < REFUSED_FOR_S:
                log(f"{name} is not at hand, and could not be fetched {human_seconds(ago)} ago ({_read(refusal)}).")
                return False
            return self._install(minor, name, refusal, log)

    def _install(self, minor: Minor, name: str, refusal: Path, log: Callable[[str], None]) -> bool:
        log(f"{name} is not at hand: fetching it.")
        began = time.monotonic()
        arguments = ["python", "install", minor_text(minor), "--install-dir", str(self.root), "--no-bin"]
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            done = run_uv(arguments, log, timeout_s=TIMEOUT_S, variables=_patience())
            reason = _reason(uv_errors.cause_of(done.output, ())) if done.code else None
        except EnvironmentFailed as error:
            reason = error.message.rstrip(".")
        except OSError as error:
            reason = str(error)
        took = human_seconds(time.monotonic() - began)
        if reason is None and not self._has(minor):
            reason = "uv installed nothing"
        if reason is None:
            refusal.unlink(missing_ok=True)
            log(f"Fetched {name} in {took}.")
            return True
        log(f"{name} could not be fetched in {took} ({reason}); this is tried again after an hour.")
        try:
            refusal.write_text(reason, encoding="utf-8")
        except OSError:
            log(f"{self.root} cannot be written.")
        return False

    def _has(self, minor: Minor) -> bool:
        return any(self.root.glob(f"*/bin/python{minor_text(minor)}"))


def _reason(cause: uv_errors.Cause) -> str:
    if cause.kind == uv_errors.BAD_HASH:
        return "the file that came is not the one that uv knows"
    return "the disk is full" if cause.kind == uv_errors.DISK_FULL else cause.text


def _switched_off() -> str | None:
    """Which setting forbids it, or None."""
    downloads = os.environ.get("UV_PYTHON_DOWNLOADS", "").lower()
    if downloads in ("never", "manual", "false"):
        return f"UV_PYTHON_DOWNLOADS={downloads}"
    return "the network is switched off" if is_offline() else None


def _patience() -> dict[str, str]:
    """A machine without a network shall know it soon; what the user set holds."""
    wanted = {"UV_PYTHON_DOWNLOADS": "manual", "UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "10"}
    return {key: os.environ.get(key, value) if key != "UV_PYTHON_DOWNLOADS" else value for key, value in wanted.items()}


def _age_s(path: Path) -> float | None:
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return "no reason was kept"
