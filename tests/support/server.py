"""A real server of a home of its own, as a process that a test may stop, kill and start again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from amlet.base.errors import Unavailable
from amlet.base.paths import Home
from amlet.base.variables import NOT_INHERITED
from amlet.client.connection import Client

T = TypeVar("T")


def until(look: Callable[[], T | None], *, seconds: float = 30.0, what: str = "it") -> T:
    """What `look` finds, looked for again and again until a deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:.0f} s"
        time.sleep(0.02)


def clean_environment(**more: str) -> dict[str, str]:
    """The variables of a user's shell: nothing of a job, nothing that slows imports."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in NOT_INHERITED and not key.startswith(("AZUREML_", "AMLET_"))
    }
    return {**kept, **more}


class RealServer:
    """`python -m amlet.server` with a home below the test's own folder."""

    def __init__(self, root: Path, python: str | Path = sys.executable) -> None:
        self.home = Home(root)
        self.python = python
        self.process: subprocess.Popen[bytes] | None = None
        self._started: tuple[str | None, dict[str, str]] = (None, {})
        self._clients: dict[tuple[str, str, float], Client] = {}

    def variables(self, **more: str) -> dict[str, str]:
        """For processes that are to find this server."""
        return clean_environment(AMLET_HOME=str(self.home.root), **more)

    def start(self, *, host: str | None = None, **more: str) -> RealServer:
        """`host` is an address of this machine's other than loopback: as if a proxy that speaks TLS stood in front."""
        self._started = host, more
        argv = [self.python, "-m", "amlet.server"]
        if host is not None:
            argv = [str(Path(self.python).with_name("amlet")), "server", "run", "--host", host, "--behind-tls"]
        self.home.root.mkdir(parents=True, exist_ok=True)
        with self.home.server_log.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                env=self.variables(**more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, seconds=90, what="the server's first answer")
        return self

    def start_again(self) -> None:
        """As it was started before."""
        host, more = self._started
        self.start(host=host, **more)

    @property
    def url(self) -> str:
        return str(self._told()["url"])

    @property
    def token(self) -> str:
        return str(self._told()["token"])

    def client(self, token: str | None = None, *, patience_s: float = 10.0) -> Client:
        """The same for the same words: a test that asks again and again keeps few connections open."""
        key = (self.url, token or self.token, patience_s)
        if key not in self._clients:
            self._clients[key] = Client(key[0], key[1], patience_s=patience_s)
        return self._clients[key]

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9 of the server alone: its nodes live on."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def terminate(self) -> None:
        """SIGTERM: a clean end that leaves the nodes to the next server."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        self.process.wait(60)

    def close(self) -> None:
        """End it and everything that bears the home's mark."""
        for client in self._clients.values():
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.terminate()
        until(lambda: not self._end_marked(), seconds=60, what="the end of all processes of the home")

    def _end_marked(self) -> int:
        """Again and again: one of them may just have started another."""
        found = self.marked()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(found)

    def marked(self) -> list[int]:
        """Processes that bear the home's mark in their environment."""
        mark = f"AMLET_HOME={self.home.root}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                stat = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if mark in (folder / "environ").read_bytes().split(b"\0") and stat != b"Z":
                    found.append(int(folder.name))
        return [pid for pid in found if pid != os.getpid()]

    def node_pid(self, name: str = "local") -> int:
        """The process of a node."""
        return int(until(lambda: self._mark(self.home.nodes / name), what=f"node {name}")["pid"])

    def _mark(self, folder: Path) -> dict[str, int] | None:
        with contextlib.suppress(OSError, ValueError):
            told: dict[str, int] = json.loads((folder / "process.json").read_text())
            if Path(f"/proc/{told['pid']}").exists():
                return told
        return None

    def _told(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.home.server_file.read_text())
        return told

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError("the server ended: " + self.home.server_log.read_text()[-3000:])
        with contextlib.suppress(OSError, ValueError, KeyError):
            told = self._told()
            if told["pid"] == self.process.pid:
                client = Client(self.url, self.token, patience_s=0.0)
                try:
                    return client.server.health().status == "ok"
                except Unavailable:
                    return False
                finally:
                    client.close()
        return False
