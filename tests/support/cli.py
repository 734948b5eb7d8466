"""A workspace of a test's own at a real server, and the command line of a user who works in it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

from amlet.client.connection import Client
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer

START = "import sys; from amlet.cli.main import main; sys.exit(main())"


class Told:
    """What a command printed, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


class CommandLine:
    """A workspace of a test's own, and the commands of a user who works in it."""

    def __init__(self, server: RealServer, name: str, folder: Path) -> None:
        self.client: Client = server.client()
        self.name = name
        self.folder = folder
        self.server = server
        self.workspace_id = self.client.workspaces.ensure(EnsureWorkspace("local", f"{name}-rg", name)).workspace.id

    def cli(self, *arguments: str, code: int = 0, **variables: str) -> Told:
        of_machine = arguments[0] == "sync" or arguments[:2] == ("env", "prune")
        where = [] if of_machine or "-w" in arguments else ["-w", self.name]
        ended = subprocess.run(
            [sys.executable, "-c", START, *arguments, *where],
            cwd=self.folder,
            env=self.server.variables(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        told = Told(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        assert told.code == code, told.out + told.err
        assert "Traceback" not in told.err
        return told

    def on_terminal(self, *arguments: str, says: str, code: int = 0) -> str:
        """What a terminal shows when a person says this to a command."""
        ours, theirs = pty.openpty()
        ended = subprocess.Popen(
            [sys.executable, "-c", START, *arguments, "-w", self.name],
            cwd=self.folder,
            env=self.server.variables(TERM="xterm"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(ours, says.encode())
        shown = b""
        with contextlib.suppress(OSError):  # EIO: nobody holds the other end any more
            while piece := os.read(ours, 1 << 16):
                shown += piece
        os.close(ours)
        assert ended.wait(60) == code, shown
        return shown.decode()

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.cli(*arguments, "--json", code=code).out)
