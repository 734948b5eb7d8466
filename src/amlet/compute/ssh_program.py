"""The ssh program: how it is called, what it is given to sign in with, and what its complaints mean."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import AmletError, StorageFailed, Unavailable
from amlet.base.variables import own_environment
from amlet.domain.compute import Credentials, RemoteMachine

LINK_VARIABLE = "AMLET_SSH_LINK"
"""In the environment of every ssh process of ours: the node that it leads to."""

KNOWN_HOSTS = "known_hosts"
SSH_FAILED = 255
"""What the program ends with for failures of its own; with others it passes on how the command there ended."""

NO_PYTHON = 96
"""What the first command ends with when it finds no Python."""

_OPTIONS = {
    "StrictHostKeyChecking": "accept-new",
    "UserKnownHostsFile": KNOWN_HOSTS,  # in the folder that the program is started in: its name needs no quoting
    "UpdateHostKeys": "no",
    "ConnectTimeout": "10",
    # A line that is dead is given up sooner than a lease of 15 s lapses.
    "ServerAliveInterval": "4",
    "ServerAliveCountMax": "2",
    "ExitOnForwardFailure": "yes",
    "GSSAPIAuthentication": "no",
    # What the user's own configuration may set for sittings at a terminal. The rest of it holds, jump hosts too.
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "PermitLocalCommand": "no",
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "EscapeChar": "none",
    "LogLevel": "INFO",
}

# Passed through whatever login shell the user has there: one line, in single quotes, without what any of them expands
# inside of those. The newest Python is found by its name, then where people install their own.
_PYTHONS = " ".join(
    [
        *(f"python3.{minor}" for minor in range(14, 9, -1)),
        "python3",
        *('"$HOME"' + place for place in ("/.local/bin/python3.1[0-9]", "/.pyenv/versions/3.1[0-9]*/bin/python3")),
        *('"$HOME"' + place for place in ("/.local/share/uv/python/*/bin/python3", "/miniconda3/bin/python3")),
        *("/opt/*/bin/python3", "/usr/local/bin/python3.1[0-9]"),
    ]
)


class Access(NamedTuple):
    """A machine, and what it is signed in with."""

    machine: RemoteMachine
    credentials: Credentials


class Forward(NamedTuple):
    """A socket on the machine there that leads to a port here."""

    socket: str
    host: str
    port: int


@contextlib.contextmanager
def started(access: Access, folder: Path, node: str, forward: Forward | None) -> Iterator[SignedIn]:
    """The program, running; it is ended with the block.

    Args:
        folder: Where known hosts are kept, and for a moment the key.

    Raises:
        Unavailable: there is no ssh program on this machine.
        StorageFailed: the disk is full.
    """
    try:
        secrets = Path(tempfile.mkdtemp(prefix="sign-in-", dir=folder))
    except OSError as error:
        raise StorageFailed.from_os_error(error, folder) from error
    try:
        try:
            variables = {**own_environment(), **_write_secrets(access.credentials, secrets), LINK_VARIABLE: node}
            process = subprocess.Popen(
                arguments(access, secrets.name, forward),
                cwd=folder,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # no terminal to ask at
            )
        except FileNotFoundError as error:
            raise Unavailable(
                "There is no ssh program on the server's machine.", hint="`apt-get install openssh-client` there."
            ) from error
        except OSError as error:
            raise StorageFailed.from_os_error(error, secrets) from error
        try:
            yield SignedIn(process, secrets)
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()  # type: ignore[union-attr]
            process.wait()
    finally:
        shutil.rmtree(secrets, ignore_errors=True)


class SignedIn(NamedTuple):
    """The running program."""

    process: subprocess.Popen[bytes]
    secrets: Path

    def forget(self) -> None:
        """Remove what it signed in with from the disk: it has read it."""
        shutil.rmtree(self.secrets, ignore_errors=True)


def arguments(access: Access, secrets: str, forward: Forward | None) -> list[str]:
    """The command line. Nothing secret stands in it.

    Args:
        secrets: The folder with the key, below the one that the program is started in.
    """
    machine, credentials = access
    options = dict(_OPTIONS)
    if credentials.private_key is not None:
        options |= {"PreferredAuthentications": "publickey", "IdentitiesOnly": "yes", "IdentityAgent": "none"}
        options["IdentityFile"] = f"{secrets}/key"
    else:
        options |= {"PreferredAuthentications": "password,keyboard-interactive", "PubkeyAuthentication": "no"}
    if credentials.password is None and credentials.passphrase is None:
        options["BatchMode"] = "yes"
    else:
        options["NumberOfPasswordPrompts"] = "1"
    found = ["ssh", "-T", "-p", str(machine.port), "-l", machine.username]
    for name, text in options.items():
        found += ["-o", f"{name}={text}"]
    if forward is not None:
        host = f"[{forward.host}]" if ":" in forward.host else forward.host
        found += ["-R", f"{forward.socket}:{host}:{forward.port}"]
    return [*found, "--", machine.address, _first_command(forward)]


def _first_command(forward: Forward | None) -> str:
    """Hands over to a program that comes on the standard input, in the first Python that is new enough."""
    # sshd makes the socket and leaves it.
    removed = f" /bin/rm -f {forward.socket};" if forward else ""
    return (
        # Nobody may be left to read what the shell says of its child's end.
        f'exec /bin/sh -c \'trap "" PIPE; for name in {_PYTHONS}; do'
        ' found=$(command -v "$name") || continue;'
        ' "$found" -I -S -c "import sys; sys.exit(sys.version_info < (3, 10))" </dev/null 2>/dev/null || continue;'
        ' "$found" -I -c "import sys, base64; exec(base64.b64decode(sys.stdin.buffer.readline()))";'
        f" code=$?;{removed} exit $code; done; python3 --version >&2;{removed} exit {NO_PYTHON}'"
    )


def complaint(access: Access, said: Sequence[str], code: int | None, folder: Path) -> AmletError:
    """Why the program ended before anything ran there, as an error with the way out.

    Args:
        said: The last lines of its standard error.
    """
    machine = access.machine
    place = f"{machine.username}@{machine.address}:{machine.port}"
    lines = [line.strip() for line in said if line.strip() and not line.startswith("Warning: Permanently added")]
    text = "\n".join(lines)
    last = lines[-1].rstrip(".") if lines else f"ssh ended with code {code}"
    if code == NO_PYTHON:
        found = f" ({last} is there)" if last.startswith("Python") else ""
        return Unavailable(
            f"{place} has no Python 3.10 or newer{found}.", hint="install one there: `apt-get install python3`."
        )
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in text or "Host key verification failed" in text:
        known = folder / KNOWN_HOSTS
        named = machine.address if machine.port == 22 else f"[{machine.address}]:{machine.port}"
        return Unavailable(
            f"{place} shows another host key than before: it is another machine, or somebody stands between.",
            hint=f'if it was set up anew: ssh-keygen -f "{known}" -R "{named}"',
        )
    if "remote port forwarding failed" in text:
        return Unavailable(
            f"{place} lets nothing be forwarded: {last}.",
            hint="its sshd_config needs AllowStreamLocalForwarding and AllowTcpForwarding yes.",
        )
    if "Permission denied" in text or "Too many authentication failures" in text:
        what = "key" if access.credentials.private_key is not None else "password"
        return Unavailable(
            f"{place} refuses the {what}: {last.rpartition(': ')[2]}.",
            hint=f"attach it again with the right username and {what}; `ssh -p {machine.port} "
            f"{machine.username}@{machine.address}` shows what it takes.",
        )
    if code is not None and 0 <= code != SSH_FAILED:
        return Unavailable(f"What was started on {place} ended with code {code}: {last}.")
    return Unavailable(f"{place} cannot be reached: {last.removeprefix('ssh: ')}.")


def _write_secrets(credentials: Credentials, folder: Path) -> dict[str, str]:
    """Lay the key where ssh reads it, and what it asks for where its helper finds it.

    Returns:
        Variables for the program.
    """
    if credentials.private_key is not None:
        _write(folder / "key", credentials.private_key.rstrip() + "\n", 0o600)
    answer = credentials.password or credentials.passphrase
    if answer is None:
        return {}
    _write(folder / "answer", answer + "\n", 0o600)
    _write(folder / "ask", '#!/bin/sh\nexec cat "$AMLET_SSH_ANSWER"\n', 0o700)
    return {
        "SSH_ASKPASS": str(folder / "ask"),
        "SSH_ASKPASS_REQUIRE": "force",
        "DISPLAY": os.environ.get("DISPLAY", ":0"),  # before 8.4 ssh asks its helper only where there is a display
        "AMLET_SSH_ANSWER": str(folder / "answer"),
    }


def _write(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
