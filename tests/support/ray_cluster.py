"""A real cluster of Ray's on this machine: a head and machines of its own kind, started and killed one by one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from amlet.runtime.process import mark_of
from support.networks import Networks
from support.server import clean_environment, until

STORE_BYTES = 80 * 1024 * 1024
"""The least that Ray takes for its object store, which we put nothing into."""


_COMMANDS = (
    "cluster_synced_files",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


def need_ray() -> None:
    """Skip where Ray is not installed."""
    pytest.importorskip("ray", reason="no Ray on this machine")


class Machine:
    """One raylet, with all that was started below it: to the server it looks like a machine."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.agents = [mark_of(child) for child in descendants(pid)]
        """Ray's own helpers, which outlive a killed raylet by some seconds."""

    def processes(self) -> list[int]:
        """The raylet and its descendants: Ray's processes, our worker, the worker's jobs."""
        return descendants(self.pid)

    def kill(self) -> None:
        """As if its power was cut: nothing gets to say a word."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill_raylet(self) -> None:
        """kill -9 of Ray's own process alone."""
        os.kill(self.pid, signal.SIGKILL)


class RayCluster:
    """Lives in a folder of its own, with a home of its own: a stray token or a shared folder breaks joining."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        """`host` is the head's address."""
        self._host = host
        self.root = Path(tempfile.mkdtemp(prefix="ry", dir="/tmp"))  # short: below it lie sockets
        self.home = self.root / "h"
        self.home.mkdir()
        self.port = free_port()
        self._machines: list[Machine] = []
        self._more: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"{self._host}:{self.port}"

    def start_head(self, *more: str) -> Machine:
        """Start the head, which is a machine without cores."""
        arguments = ["--head", f"--port={self.port}", "--include-dashboard=false", "--num-cpus=0", *more]
        return self._start(f"--temp-dir={self.root / 't'}", *arguments)

    def start_autoscaling_head(self, resources: Mapping[str, float], *, most: int) -> Machine:
        """Start a head whose autoscaler brings machines of these resources, here, and takes them away when idle."""
        has = {**resources, "object_store_memory": STORE_BYTES}
        worker = {"resources": has, "node_config": {}, "min_workers": 0, "max_workers": most}
        config = {
            "cluster_name": "here",
            "max_workers": most,
            "upscaling_speed": 1.0,
            "idle_timeout_minutes": 0.05,
            "provider": {
                "type": "fake_multinode",
                "gcs_address": self.address,
                "launch_multiple": True,
                "use_node_id_as_ip": True,
            },
            "available_node_types": {
                "ray.head.default": {"resources": {}, "node_config": {}, "max_workers": 0},
                "worker": worker,
            },
            "head_node_type": "ray.head.default",
            # Nothing is to be done on a new machine, but the loader wants to hear so.
            **{name: {} for name in ("auth", "docker", "file_mounts")},
            **{name: [] for name in _COMMANDS},
        }
        file = self.root / "autoscaling.yaml"
        file.write_text(json.dumps(config))
        self._more = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        return self.start_head(f"--autoscaling-config={file}")

    def machines(self) -> set[int]:
        """The raylets that live, also of machines that the autoscaler brought."""
        return self._raylets()

    def forget_head(self) -> None:
        """End what a killed head left, and its machines, so that another can start in its place."""
        self._end()

    def add_machine(
        self,
        resources: Mapping[str, float],
        *,
        cores: int = 1,
        host: str | None = None,
        before: Sequence[str] = (),
        **variables: str,
    ) -> Machine:
        """Start one more machine, which has these resources beside its cores.

        Args:
            host: Its address, if not the head's.
            before: A command that runs the one that follows it where that address is.
            variables: Of the machine, beside those of the cluster.
        """
        asked = [f"--address={self.address}", f"--num-cpus={cores}", f"--resources={json.dumps(resources)}"]
        return self._start(*asked, host=host, before=before, **variables)

    def kill_head(self) -> None:
        """kill -9 of the process that is the head's; its machine's raylet lives on."""
        (pid,) = [pid for pid in self.processes() if arguments_of(pid)[0].endswith("/gcs_server")]
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End what this cluster started, and nothing else."""
        self._end()
        shutil.rmtree(self.root, ignore_errors=True)

    def _end(self) -> None:
        agents = [mark for machine in self._machines for mark in machine.agents]

        def end() -> bool:
            left = {mark.pid for mark in agents if mark.is_alive()}
            for pid in self.processes():
                left.update(descendants(pid))
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        until(end, seconds=30, what="the end of Ray's processes")

    def processes(self) -> list[int]:
        """Those whose home is the cluster's: all but the agents, which write their titles over it."""
        mark = f"HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                stat = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if stat != b"Z" and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def variables(self) -> dict[str, str]:
        """For a process that joins: nothing of Ray's from outside."""
        kept = {name: text for name, text in clean_environment().items() if not name.upper().startswith("RAY_")}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            **self._more,
        }

    def _start(self, *arguments: str, host: str | None = None, before: Sequence[str] = (), **variables: str) -> Machine:
        held = self._raylets()
        argv = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", "--disable-usage-stats", *arguments]
        argv += [f"--node-ip-address={host or self._host}", f"--object-store-memory={STORE_BYTES}"]
        told = {**self.variables(), **variables}
        with (self.root / "start.log").open("ab") as log:
            done = subprocess.run(
                argv, env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=90, check=False
            )
        assert done.returncode == 0, (self.root / "start.log").read_text()[-3000:]
        (pid,) = self._raylets() - held
        self._machines.append(Machine(pid))
        return self._machines[-1]

    def _raylets(self) -> set[int]:
        return {pid for pid in self.processes() if arguments_of(pid)[0].endswith("/raylet")}


def arguments_of(pid: int) -> list[str]:
    """The command line of a process; a lone empty text when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found, at = [pid], 0
    while at < len(found):
        found += children.get(found[at], [])
        at += 1
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def session_logs(cluster: RayCluster) -> str:
    """What Ray's own logs say of errors, for a test that failed."""
    found = []
    for path in sorted((cluster.root / "t").glob("session_latest/logs/*")):
        with contextlib.suppress(OSError):
            found += re.findall(r".*(?:ERROR|Error|error).*", path.read_text(errors="replace"))[-3:]
    return "\n".join(found)


@contextlib.contextmanager
def machines_apart(resource: str, **variables: str) -> Iterator[tuple[RayCluster, Networks]]:
    """A cluster whose two machines have addresses of their own, and a resource; the head has this machine's end."""
    need_ray()
    networks = Networks(2)
    cluster = RayCluster(networks.host)
    try:
        cluster.start_head()
        for number, address in enumerate(networks.addresses):
            cluster.add_machine(
                {resource: 1},
                host=address,
                before=networks.command_in(number),
                AMLET_NODE_ROOT=str(cluster.root / f"machine-{number}"),
                **variables,
            )
        yield cluster, networks
    finally:
        cluster.close()
        networks.close()
