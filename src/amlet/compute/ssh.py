"""The engine of machines that are reached over SSH: each has a node, brought along to a bare Python.

A keeper per node holds one link: an ssh process that is the way to the node's process there, and by a socket the
node's way to the server. The node outlives the link. What is cut is made again at once, before the lease lapses.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import platform
import queue
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from amlet.base.errors import AmletError, InvalidInput, StorageFailed, Unavailable
from amlet.base.paths import owner_only
from amlet.compute import ssh_program
from amlet.compute.bundle import Parcel
from amlet.compute.ssh_program import LINK_VARIABLE, Access, Forward, SignedIn
from amlet.domain.compute import Node
from amlet.runtime.attempt import write_json
from amlet.runtime.marked import end_marked
from amlet.wire import codec

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 15.0
GIVE_UP_S = 60.0
"""A machine that cannot be reached for so long has no node, as far as we know; what waits for one asks again."""

GREETING_S = 40.0
"""From the start of ssh to the first word from there; ssh itself gives up a silent machine after 10 s."""

READY_S = 360.0
"""From the last parcel to a running node: uv may have to be installed there."""

KILL_S = 5.0
SAID_LINES = 40

log = logging.getLogger("amlet.server")


class SshEngine:
    """Keeps a node on each machine that has one. Its methods never wait for a machine: keepers' threads do."""

    def __init__(
        self,
        folder: Path,
        server_id: str,
        access: Callable[[Node], Access],
        variables: Callable[[Node], Mapping[str, str]],
        parcels: Callable[[], tuple[Parcel, Parcel]],
        *,
        server: tuple[str, int] | None,
    ) -> None:
        """
        Args:
            folder: Where links, parcels and known hosts are noted (`AMLET_HOME/ssh`).
            server_id: Tells this server from others whose nodes stand on the same machine.
            access: Finds the machine of a node and what it is signed in with; AmletError when there is none.
            variables: What tells a node its server, name and token.
            parcels: Our sources, and the uv program. May take some seconds; called by keepers.
            server: The host and port that nodes come to by way of their link; None when they can reach the
                server's address by themselves.
        """
        self._folder = folder
        self._server_id = server_id
        self._access = access
        self._variables = variables
        self._parcels = parcels
        self._server = server
        self._keepers: dict[str, Keeper] = {}
        self._troubles: dict[str, str] = {}
        self._find_again()

    def names(self) -> set[str]:
        for name, keeper in list(self._keepers.items()):
            trouble = None if keeper.is_told_to_end else keeper.trouble
            if trouble:
                self._troubles[name] = trouble
            elif keeper.is_linked:
                self._troubles.pop(name, None)
            if keeper.is_over:
                del self._keepers[name]
                if not trouble:
                    self._troubles.pop(name, None)
        return set(self._keepers)

    def troubles(self) -> Mapping[str, str]:
        self.names()
        return dict(self._troubles)

    def start(self, node: Node) -> None:
        if node.name in self.names():
            return
        try:
            write_json(owner_only(self._folder) / f"{node.name}.json", codec.encode(node))
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._folder) from error
        self._keep(node, start=True)

    def stop(self, name: str) -> None:
        keeper = self._keepers.get(name)
        if keeper is not None:
            keeper.stop()
        self._troubles.pop(name, None)

    def close(self, *, grace_s: float) -> None:
        deadline = time.monotonic() + grace_s
        for keeper in self._keepers.values():
            keeper.stop()
        for keeper in self._keepers.values():
            keeper.join(max(0.0, deadline - time.monotonic()))
        for keeper in self._keepers.values():
            keeper.kill()
        deadline = time.monotonic() + KILL_S
        for keeper in self._keepers.values():
            keeper.join(max(0.0, deadline - time.monotonic()))

    def parcels(self) -> dict[str, Parcel]:
        """What a machine may lack, by the names that the first program there has for them."""
        bundle, uv = self._parcels()
        return {"bundle": bundle, "uv": uv}

    def forward(self) -> Forward | None:
        """A way back for one link, under a name that nobody can guess."""
        return Forward(f"/tmp/amlet-{secrets.token_hex(12)}.sock", *self._server) if self._server else None  # noqa: S108

    def access(self, node: Node) -> Access:
        """Of the machine of a node, as it is on record now."""
        return self._access(node)

    def asked(self, node: Node, forward: Forward | None, *, start: bool) -> dict[str, Any]:
        """What the other end is to bring about."""
        return {
            "server": self._server_id,
            "name": node.name,
            "variables": dict(self._variables(node)),
            "socket": forward.socket if forward else None,
            "start": start,
            "uv_version": _uv_version(),
        }

    @property
    def folder(self) -> Path:
        return self._folder

    def _keep(self, node: Node, *, start: bool) -> None:
        keeper = Keeper(self, node, start=start)
        self._keepers[node.name] = keeper
        keeper.start()

    def _find_again(self) -> None:
        """Take up the nodes that an earlier server started; end the links that it left."""
        notes = sorted(self._folder.glob("*.json"))
        for left in self._folder.glob("sign-in-*"):
            shutil.rmtree(left, ignore_errors=True)
        if notes:
            end_marked(str(self._folder.parent), lambda found: LINK_VARIABLE in found.variables)
        for note in notes:
            try:
                node: Node = codec.from_json(Node, note.read_bytes(), strict=False)
            except (OSError, InvalidInput):
                note.unlink(missing_ok=True)
                continue
            self._keep(node, start=False)


class Keeper(threading.Thread):
    """Holds the link to one node, and makes it again when it is cut, until the node ends or is given up."""

    def __init__(self, engine: SshEngine, node: Node, *, start: bool) -> None:
        """`start`: start the node if it is not there; else it is only looked for."""
        super().__init__(name=f"ssh-{node.name}", daemon=True)
        self._engine = engine
        self._node = node
        self._start = start
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._order: str | None = None
        self._was_there = False
        self._note = engine.folder / f"{node.name}.json"
        self.trouble: str | None = None
        """Why the node is not there, in words."""
        self.is_linked = False
        self.is_over = False

    @property
    def is_told_to_end(self) -> bool:
        """Whether nobody wants the node any more."""
        return self._order is not None

    def stop(self) -> None:
        """Ask the node to end."""
        self._tell("stop")

    def kill(self) -> None:
        """End the node, and what it runs."""
        self._tell("kill")

    def run(self) -> None:
        pause_s, seen = FIRST_PAUSE_S, time.monotonic()
        while True:
            try:
                over = self._link()
            except AmletError as error:
                over = False
                self.trouble = _one_line(error)
            except Exception as error:
                log.exception("the link to %s", self._node.name)
                over = False
                self.trouble = f"The link failed: {type(error).__name__}: {error}"
            if self.is_linked:
                pause_s, seen = FIRST_PAUSE_S, time.monotonic()
                self.is_linked = False
            # A node that nobody could start has nothing that would have to be stopped.
            given_up = time.monotonic() - seen > GIVE_UP_S or (self._order and not self._was_there)
            if over or given_up:
                break
            log.info("node %s: %s; again in %.1f s", self._node.name, self.trouble or "the link was cut", pause_s)
            self._rest(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._note.unlink(missing_ok=True)
        self.is_over = True

    def _tell(self, order: str) -> None:
        self._order = order
        self._events.put(("order", order))

    def _rest(self, pause_s: float) -> None:
        deadline = time.monotonic() + pause_s
        with contextlib.suppress(queue.Empty):
            while (left_s := deadline - time.monotonic()) > 0:
                if self._events.get(timeout=left_s)[0] == "order":
                    return

    def _link(self) -> bool:
        """Make the link and hold it; whether the node is over with."""
        engine = self._engine
        access, forward = engine.access(self._node), engine.forward()
        self._events = queue.Queue()
        asked = engine.asked(self._node, forward, start=self._start and self._order is None)
        with ssh_program.started(access, engine.folder, self._node.name, forward) as signed_in:
            link = Link(signed_in, self._events)
            try:
                self._bring(link, access)
                link.send(asked)
                told = self._expect(READY_S)
            except EOFError as error:
                raise ssh_program.complaint(access, link.said(), link.code(), engine.folder) from error
            if "absent" in told:
                return True
            log.info("node %s on %s: %s", self._node.name, access.machine.address, told)
            self._was_there = self.is_linked = True
            self._start = False  # one that ends was told to, or is started anew by the reconciler
            self.trouble = None
            if self._order:
                link.send({"do": self._order})
            return self._hold(link, access)

    def _bring(self, link: Link, access: Access) -> None:
        """Speak to the first program there, and send what it lacks."""
        parcels = self._engine.parcels()
        program = Path(__file__).with_name("remote_start.py").read_bytes()
        link.write(base64.b64encode(program) + b"\n")
        machine = f"{sys.platform} {platform.machine()}"
        link.send({"system": machine, **{name: parcel.digest for name, parcel in parcels.items()}})
        told = self._expect(GREETING_S, give_way=True)
        link.signed_in.forget()
        for name in told["needs"]:
            parcel = parcels[name]
            log.info("sending %s to %s: %d bytes", name, access.machine.address, parcel.size_bytes)
            link.send({"size_bytes": parcel.size_bytes})
            with parcel.path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    link.write(chunk)

    def _expect(self, timeout_s: float, *, give_way: bool = False) -> dict[str, Any]:
        """The next thing told.

        Args:
            give_way: Do not wait on when the node is to end.

        Raises:
            EOFError: the program ended instead.
            Unavailable: nothing came in time, or it says what failed.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                kind, told = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Unavailable(f"Nothing came from there within {timeout_s:.0f} s.") from None
            if kind == "end":
                raise EOFError
            if kind == "order" and give_way:
                raise Unavailable("The node was told to end before it was there.")
            if kind == "told" and "failed" in told:
                raise Unavailable(str(told["failed"]), hint=told.get("hint"))
            if kind == "told":
                found: dict[str, Any] = told
                return found

    def _hold(self, link: Link, access: Access) -> bool:
        while True:
            kind, told = self._events.get()
            if kind == "order":
                with contextlib.suppress(EOFError):
                    link.send({"do": told})
            elif kind == "end":
                error = ssh_program.complaint(access, link.said(), link.code(), self._engine.folder)
                self.trouble = f"The link was cut, and is made again. {_one_line(error)}"
                return False
            elif "ended" in told:
                log.info("node %s ended. %s", self._node.name, told.get("log", "")[-500:])
                return True


class Link:
    """Lines to and from the other end."""

    def __init__(self, signed_in: SignedIn, events: queue.Queue[tuple[str, Any]]) -> None:
        self.signed_in = signed_in
        self._process = signed_in.process
        self._events = events
        self._said: deque[str] = deque(maxlen=SAID_LINES)
        assert self._process.stdout is not None and self._process.stderr is not None
        self._hearing = threading.Thread(target=self._hear, args=(self._process.stderr,), daemon=True)
        self._hearing.start()
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()

    def send(self, told: Mapping[str, Any]) -> None:
        """One object. Raises EOFError when nobody is there."""
        self.write(json.dumps(told).encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Bytes. Raises EOFError when nobody is there."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise EOFError from error

    def said(self) -> list[str]:
        """The last lines of the program's own complaints, once it has ended."""
        self.code()
        self._hearing.join(2.0)
        return list(self._said)

    def code(self) -> int | None:
        """What the program ended with."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(2.0)
        return None

    def _listen(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                try:
                    told = json.loads(line)
                except ValueError:
                    continue  # what a login script there prints
                if isinstance(told, dict):
                    self._events.put(("told", told))
        self._events.put(("end", None))

    def _hear(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._said.append(line.decode("utf-8", "replace").rstrip())


def _uv_version() -> str:
    """The version to install on a machine that ours is not for; empty: whatever there is."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("uv")
    return ""


def _one_line(error: AmletError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message
