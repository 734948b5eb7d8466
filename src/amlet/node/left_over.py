"""Replicas that a killed node left: they answer on until others do, on the listening socket that they hand over."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.domain.service import ReplicaLease
from amlet.node.parts import Parts
from amlet.node.ports import Ports
from amlet.node.replica_process import DRAIN_S
from amlet.runtime.attempt import write_json
from amlet.runtime.marked import end_marked
from amlet.runtime.scoring.access import ACCESS_FILE, AccessFile
from amlet.runtime.scoring.hand_over import take

SERVICE_FILE = "service.json"
"""In the folder of a revision: whose it is."""

log = logging.getLogger("amlet.node")


class ServiceKey(NamedTuple):
    workspace_id: str
    service: str
    version: str


class _Revision(NamedTuple):
    """Processes of one folder, and the socket that they accept on."""

    folder: Path
    listening: socket.socket


def note_service(folder: Path, lease: ReplicaLease) -> None:
    """Say in the folder of a revision whose it is, for a node that comes after this one."""
    write_json(folder / SERVICE_FILE, ServiceKey(lease.workspace_id, lease.service, lease.version)._asdict())


class LeftOver:
    """Safe from any thread."""

    def __init__(self, parts: Parts, ports: Ports, mark: str) -> None:
        """
        Args:
            mark: The variable by which processes of a revision's folder are found.
        """
        self._home = str(parts.home)
        self._folder = parts.folder / "replicas"
        self._ports = ports
        self._mark = mark
        self._lock = threading.Lock()
        self._found: dict[ServiceKey, list[_Revision]] = {}
        self._adopted: dict[ServiceKey, list[socket.socket]] = {}

    def find(self) -> None:
        """Take the sockets of those that answer, and end the others: they listen on ports that are wanted again."""
        kept = set()
        for folder in sorted(self._folder.glob("*/")):
            key, listening = _service_of(folder), _handed_over(folder)
            if key is not None and listening is not None:
                self._found.setdefault(key, []).append(_Revision(folder, listening))
                kept.add(folder)
            elif listening is not None:
                listening.close()
        if kept:
            log.info("%d revisions of services answer on that a killed node left", len(kept))
        self._end([folder for folder in self._folder.glob("*/") if folder not in kept])

    def settle(self, wanted: Sequence[ReplicaLease]) -> None:
        """Let those of services that are wanted answer on, to whom may ask now; the others end."""
        leases = {ServiceKey(one.workspace_id, one.service, one.version): one for one in wanted}
        for key in list(self._found):
            lease = leases.get(key)
            if lease is None or not self._adopt(key, lease):
                self.end(key)  # before anything else listens on its port
                continue
            for process in self._processes(key):
                _let_in(process, lease)

    def end(self, key: ServiceKey) -> None:
        """End those of a service; blocks until they are gone, requests in flight being finished."""
        with self._lock:
            revisions = self._found.pop(key, [])
            adopted = self._adopted.pop(key, [])
        for one in revisions:
            if one.listening not in adopted:
                one.listening.close()  # first: who connects while they end must not wait for an answer
        self._end([one.folder for one in revisions])
        for held in adopted:
            self._ports.leave(held)

    def close(self) -> None:
        """End all of them."""
        for key in list(self._found):
            self.end(key)

    def _adopt(self, key: ServiceKey, lease: ReplicaLease) -> bool:
        """Whether new processes of the service will accept on the same socket."""
        with self._lock:
            if key in self._adopted:
                return True
            revisions = self._found.get(key, [])
            usable = [one.listening for one in revisions if one.listening.getsockname()[0] == lease.host]
            if not usable:
                return False
            self._adopted[key] = usable[:1]
            self._ports.adopt(lease, usable[0])
            return True

    def _processes(self, key: ServiceKey) -> list[Path]:
        return [path for one in self._found.get(key, []) for path in one.folder.glob("process-*/")]

    def _end(self, folders: Sequence[Path]) -> None:
        if folders:
            below = tuple(str(folder) for folder in folders)
            end_marked(self._home, lambda found: found.variables.get(self._mark, "") in below, grace_s=DRAIN_S)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _let_in(process: Path, lease: ReplicaLease) -> None:
    """Have a process take in who may ask now; it does within a second."""
    with contextlib.suppress(OSError, ValueError, TypeError):  # on its way out
        known = AccessFile(**json.loads((process / ACCESS_FILE).read_bytes()))
        now = known._replace(key_hashes=lease.settings.key_hashes, token_secret=lease.settings.token_secret)
        if now != known:
            now.write(process)


def _service_of(folder: Path) -> ServiceKey | None:
    try:
        return ServiceKey(**json.loads((folder / SERVICE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _handed_over(folder: Path) -> socket.socket | None:
    """The socket that the processes of a folder accept on, from the first that answers."""
    for process in sorted(folder.glob("process-*/")):
        listening = take(process)
        if listening is not None:
            os.set_inheritable(listening.fileno(), True)
            return listening
    return None
