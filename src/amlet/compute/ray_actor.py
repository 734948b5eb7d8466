"""What runs on a machine of Ray's: an actor that brings our worker along, starts it, and ends when it ends.

Ray carries this module there by value, so it needs nothing but Python; amlet comes in parcels of the server's.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FETCH_PATIENCE_S = 30.0
"""For a server that is just being started again."""

READY_S = 20.0
STEADY_S = 10.0
"""A worker that has lived for so long is started again when it is killed, and adopts what it left."""

TRIES = 3
"""Workers that end at once before the actor gives up."""

LOG_TAIL_CHARACTERS = 800
NOT_PASSED_ON = ("AMLET_", "AZUREML_", "RAY_", "PYTHON")
"""Beginnings of variables of Ray's process that would reach our worker, and the user's scripts."""
OF_THE_MACHINE = ("AMLET_NODE_ADDRESS",)
"""Those of them that say something of the machine, which the worker is to know."""


class NodeKeeper:
    """The actor. Its end is the worker's: the worker is tied to it by a death signal and by a pipe."""

    def __init__(self, asked: dict[str, Any]) -> None:
        """Bring the worker along and start it.

        Args:
            asked: `variables` for the worker; `server`, the name of the home that its nodes share on a machine; the
                digests of the parcels `bundle` and `uv`, and the `system` of that program; the most `cores` and
                `memory_bytes` that the node may have.

        Raises:
            RuntimeError: the server's parcels could not be had; Ray passes the text on.
        """
        self._variables: dict[str, str] = asked["variables"]
        root = _root()
        self._home = root / asked["server"]
        self._folder = self._home / "nodes" / self._variables["AMLET_NODE_NAME"]
        for folder in (self._home, self._home / "nodes", self._folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        bundle = self._brought(root / "bundles", asked["bundle"], _unzip)
        programs = []
        if asked["system"] == f"{sys.platform} {platform.machine()}":
            programs = [self._brought(root / "uv", asked["uv"], _unpack_program)]
        self._environment = self._worker_environment(bundle, programs, asked)
        self._ended = False
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._failure = ""
        self._noted = self._folder / "process.json"
        """Written by the worker when it holds its folder."""
        # The worker's death signal comes with the end of the thread that started it: this one lives as long as we do.
        threading.Thread(target=self._keep, name="keeper").start()

    def ready(self) -> dict[str, Any]:
        """Wait until the worker is at work.

        Raises:
            RuntimeError: it ended at once, with the last lines of its log.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and not self._failure and not self._noted.exists():
            time.sleep(0.05)
        if self._failure:
            raise RuntimeError(self._failure)
        return {"host": platform.node(), "pid": os.getpid(), "python": platform.python_version()}

    def end(self) -> None:
        """Let the worker end what it runs and itself; this process follows."""
        with self._lock:
            self._ended = True
            if self._worker is not None:
                self._worker.send_signal(signal.SIGTERM)

    def _keep(self) -> None:
        tries = 0
        while True:
            began = time.monotonic()
            with self._lock:
                if self._ended:
                    break
                try:
                    self._worker = self._start()
                except OSError as error:
                    self._failure = f"{sys.executable} could not be started: {error}"
                    break
            code = self._worker.wait()
            if self._worker.stdin is not None:
                self._worker.stdin.close()
            if code == 0:
                break
            tries = 0 if time.monotonic() - began > STEADY_S else tries + 1
            if tries >= TRIES:
                self._failure = f"The worker ended {tries} times at once, last with {code}: {self._log_tail()}"
                break
        if self._failure:
            self._end_jobs()
            time.sleep(1.0)  # for `ready` to tell it
        os._exit(0)  # a thread cannot end Ray's process otherwise; with it the actor is over and its resource free

    def _start(self) -> subprocess.Popen[bytes]:
        self._noted.unlink(missing_ok=True)
        with (self._folder / "node.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "amlet.node"],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,  # open as long as this process lives
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _brought(self, parent: Path, digest: str, unpack: Callable[[Path, Path], None]) -> Path:
        """The folder of a parcel of the server's; fetched and unpacked by whoever is first on this machine."""
        folder = parent / digest
        if folder.is_dir():
            return folder
        partial = parent / f".{digest}.{os.getpid()}.part"
        try:
            partial.mkdir(mode=0o700, parents=True, exist_ok=True)
            parcel = partial / "parcel"
            url = f"{self._variables['AMLET_NODE_URL']}/api/nodes/parcels/{digest}"
            if _fetch(url, self._variables["AMLET_NODE_TOKEN"], parcel) != digest:
                raise RuntimeError(f"What {url} sent is damaged.")
            unpack(parcel, partial)
            parcel.unlink()
            partial.rename(folder)
        except OSError as error:
            if not folder.is_dir():  # else another node of this machine was first
                raise RuntimeError(f"{platform.node()} cannot keep {folder}: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder

    def _worker_environment(self, bundle: Path, programs: list[Path], asked: dict[str, Any]) -> dict[str, str]:
        given = os.environ.items()
        found = {name: text for name, text in given if name in OF_THE_MACHINE or not name.startswith(NOT_PASSED_ON)}
        if not found.get("CUDA_VISIBLE_DEVICES"):
            found.pop("CUDA_VISIBLE_DEVICES", None)  # Ray's way to say that the actor asked for none
        # A Python that is not on PATH by itself is one of this machine's all the same.
        path = [*map(str, programs), found.get("PATH", os.defpath), str(Path(sys.executable).parent)]
        found.update(self._variables)
        found.update(
            PATH=os.pathsep.join(path),
            PYTHONPATH=str(bundle),
            AMLET_HOME=str(self._home),
            AMLET_NODE_SDK=str(bundle),
            AMLET_NODE_CORES=str(max(1, min(asked["cores"], _cores()))),
            AMLET_NODE_MEMORY_BYTES=str(min(asked["memory_bytes"], _memory_bytes())),
            AMLET_NODE_TETHERED="1",
        )
        return found

    def _end_jobs(self) -> None:
        """What killed workers left: no other comes to adopt it."""
        code = (
            "import sys; from amlet.runtime.marked import end_marked; "
            "folders = ('AMLET_JOURNAL_DIR', 'AMLET_SERVICE_FOLDER'); "
            "end_marked(sys.argv[1], lambda left: any("
            "left.variables.get(name, '').startswith(sys.argv[2]) for name in folders))"
        )
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            argv = [sys.executable, "-c", code, str(self._home), f"{self._folder}{os.sep}"]
            subprocess.run(argv, env=self._environment, stdin=subprocess.DEVNULL, timeout=20, check=False)

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return _text(self._folder / "node.log")[-LOG_TAIL_CHARACTERS:].strip()
        return "it has no log"


def _root() -> Path:
    """A folder of this machine's that outlives the actor, so that builds are made once: the user's, else in /tmp."""
    given = os.environ.get("AMLET_NODE_ROOT")
    choices = [Path.home() / ".amlet-node", Path(tempfile.gettempdir()) / f"amlet-node-{os.getuid()}"]
    for root in [Path(given)] if given else choices:
        with contextlib.suppress(OSError):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(root, os.W_OK | os.X_OK) and root.stat().st_uid == os.getuid():
                return root
    raise RuntimeError(f"There is no folder on {platform.node()} that a node may write to; AMLET_NODE_ROOT names one.")


def _unzip(parcel: Path, folder: Path) -> None:
    with zipfile.ZipFile(parcel) as members:
        members.extractall(folder)


def _unpack_program(parcel: Path, folder: Path) -> None:
    program = folder / "uv"
    with gzip.open(parcel) as packed, program.open("wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)
    program.chmod(0o700)


def _fetch(url: str, token: str, target: Path) -> str:
    """Bring a parcel; its digest."""
    deadline = time.monotonic() + FETCH_PATIENCE_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        digest = hashlib.sha256()
        try:
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
            with opener.open(request, timeout=20) as answer, target.open("wb") as file:
                while chunk := answer.read(1 << 20):
                    digest.update(chunk)
                    file.write(chunk)
            return digest.hexdigest()
        except OSError as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if refused or time.monotonic() > deadline:
                raise RuntimeError(
                    f"{platform.node()} could not fetch {url}: {error}. Nodes must reach the server at its address; "
                    "public_url in its config.toml names another."
                ) from error
        time.sleep(0.5)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _memory_bytes() -> int:
    """The machine's, or what its container allows."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            most = min(most, int(_text(Path(path))))
    return most


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
