"""A real SSH server on loopback: a machine of its own to amlet, with its nodes in a folder of the test's."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from support.server import until

SSHD = shutil.which("sshd") or next(
    (path for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(path).exists()), ""
)
"""Must be called by its whole path."""

MISSING = "no SSH server on this machine" if not SSHD or not shutil.which("ssh") else ""


class Sshd:
    """An sshd of this user's, for this user, with keys of its own."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None, **variables: str) -> None:
        """
        Args:
            folder: Of the test's own, with a short path.
            settings: Lines of its configuration, before the usual ones.
            variables: What processes there find in their environment.
        """
        self.folder = folder
        self.root = folder / "machine"
        """What would be `~/.amlet-node` there."""
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.port = _free_port()
        self.key = self.make_key("key")
        self.before: list[str] = []
        """A command that starts the one that follows it: sshd is its."""
        self._settings = dict(settings or {})
        self._variables = {"AMLET_NODE_ROOT": str(self.root), **variables}
        self._process: subprocess.Popen[bytes] | None = None

    def make_key(self, name: str, *, phrase: str = "") -> str:
        """A private key's text; the public one lies beside it."""
        path = self.folder / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(path)], check=True, stdin=subprocess.DEVNULL
        )
        return path.read_text()

    def start(self) -> Sshd:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it insists on this folder when it is root's
        host_key = self.folder / "host"
        if not host_key.exists():
            self.make_key("host")
        allowed = self.folder / "authorized_keys"
        if not allowed.exists():
            self.allow("key")
        lines = {
            **self._settings,
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": host_key,
            "PidFile": "none",
            "AuthorizedKeysFile": allowed,
            "StrictModes": "no",  # the folder lies below /tmp
            "UsePAM": "no",
            "PermitRootLogin": "yes",
            "KbdInteractiveAuthentication": "no",
            "PrintMotd": "no",
            "MaxStartups": "100",
        }
        text = "".join(f"{name} {value}\n" for name, value in lines.items())
        text += "SetEnv " + " ".join(f'"{name}={value}"' for name, value in self._variables.items()) + "\n"
        (self.folder / "sshd_config").write_text(text)
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.before, SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._listens, what="sshd: " + (self.folder / "sshd.log").read_text()[-500:])
        return self

    def allow(self, *names: str) -> None:
        """Let these keys in, and no others."""
        keys = [(self.folder / f"{name}.pub").read_text() for name in names]
        (self.folder / "authorized_keys").write_text("".join(keys))

    def cut(self) -> None:
        """End every link, from this end; new ones are let in."""
        assert self._process is not None
        for pid in _below(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Nobody is let in, and every link ends; what was started over them lives on."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)  # no new link between here and its end
            self.cut()
            self._process.kill()
            self._process.wait()
            self._process = None

    def processes(self, name: str = "AMLET_HOME=") -> list[int]:
        """What runs on this machine for its nodes, told by where their home is."""
        mark = f"{name}{self.root}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if state != b"Z" and any(v.startswith(mark) for v in (folder / "environ").read_bytes().split(b"\0")):
                    found.append(int(folder.name))
        return found

    def close(self) -> None:
        """End it, and all that it was asked to run."""
        self.stop()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.processes(), seconds=60, what="the end of what ran over SSH")

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self.folder / "sshd.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def _below(pid: int) -> Iterator[int]:
    """sshd's own processes, one or two a link; what they started has left their family by then or is ended too."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    for child in children.get(pid, []):
        if b"sshd" in Path(f"/proc/{child}/comm").read_bytes():
            yield from _below(child)
            yield child


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
