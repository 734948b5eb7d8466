"""Finding the server of this process; starting this user's own when there is none."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from amlet.base.clock import Clock, SystemClock
from amlet.base.errors import AmletError, StorageFailed, Unauthorized, Unavailable, VersionMismatch
from amlet.base.paths import Home, owner_only
from amlet.base.units import human_seconds
from amlet.base.variables import NOT_INHERITED, OF_A_JOB
from amlet.base.version import __version__
from amlet.client.connection import Client
from amlet.client.server_file import ServerFile
from amlet.client.transport import PATIENCE_S, SOCKET_VARIABLE, Transport
from amlet.wire.server import PROTOCOL, Health

START_S = 30.0
"""How long a server may take to answer; a start takes about one second."""

LEAVING_S = 5.0
"""How long a server whose port is closed already may take to end. Not longer: after a crash its process id may have
been given to another process of this user."""

FIRST_PATIENCE_S = 3.0
"""For an address that a person typed: a wrong one should be told soon."""

_POLL_S = 0.02
_LOG_LINES = 20


def connect(
    home: Optional[Home] = None, *, url: Optional[str] = None, token: Optional[str] = None, start: bool = True
) -> Client:
    """A client of the server that this process should talk to, known to answer and to speak our protocol.

    The first of these that is there: the arguments `url` and `token`; AMLET_URL and AMLET_TOKEN; inside a job
    AZUREML_SERVICE_ENDPOINT and AZUREML_RUN_TOKEN; the local server of `home`, which is started if need be and
    found again, or started again after a crash, for as long as the client lives.

    Args:
        home: AMLET_HOME's place, for tests; found by itself otherwise.
        token: May be left out when AMLET_TOKEN or the local server's file has the token for this url.
        start: Whether a local server may be started; AMLET_OFFLINE=1 forbids it too.

    Raises:
        Unavailable: nobody answers, or a server cannot be started; says why.
        Unauthorized: an address without a token.
        VersionMismatch: the server speaks another protocol.
    """
    home = home or Home.find()
    variables = os.environ
    if url is None and variables.get("AMLET_URL"):
        url = variables["AMLET_URL"]
    if url is not None:
        known = ServerFile.read(home.server_file)
        token = token or variables.get("AMLET_TOKEN") or (known.token if known and known.url == url.rstrip("/") else "")
        if not token:
            raise Unauthorized(
                f"There is no token for the amlet server at {url}.",
                hint="set AMLET_TOKEN; whoever runs that server can tell it.",
            )
        return _checked(Client(url, token), patience_s=FIRST_PATIENCE_S)
    endpoint, run_token = variables.get("AZUREML_SERVICE_ENDPOINT"), variables.get("AZUREML_RUN_TOKEN")
    if endpoint and run_token:
        via = variables.get(SOCKET_VARIABLE, "")
        return _checked(Client(endpoint, run_token, via=via), patience_s=PATIENCE_S)
    return LocalServer(home, start=start).connect()


class LocalServer:
    """The server of one AMLET_HOME. Safe from any thread and in any number of processes at once."""

    def __init__(
        self,
        home: Home,
        *,
        start: bool = True,
        command: Optional[Sequence[str]] = None,
        clock: Optional[Clock] = None,
    ) -> None:
        """`command` is what is run to start a server, `python -m amlet.server` if not said."""
        self._home = home
        self._may_start = start and os.environ.get("AMLET_OFFLINE", "") in ("", "0")
        self._command = command
        self._clock: Clock = clock or SystemClock()

    def connect(self) -> Client:
        """A client of the running server; of a new one when none runs. Raises as `connect`."""
        found = self._running()
        if found is None:
            found = self._start()
        return self._client(found)

    def running(self) -> Optional[Client]:
        """A client of the running server; None when none runs."""
        found = self._running()
        return None if found is None else self._client(found)

    def _client(self, found: ServerFile) -> Client:
        return Client(found.url, found.token, refresh=self._find_again, log_path=str(self._home.server_log))

    def _find_again(self) -> Optional[Tuple[str, str]]:
        """Where the server is now. One that crashed is started again; one that was stopped is not."""
        found = self._read()
        if found is not None and not found.is_alive:
            if not self._may_start:
                return None
            found = self._running() or self._start()
        return None if found is None else (found.url, found.token)

    def _read(self) -> Optional[ServerFile]:
        try:
            return ServerFile.read(self._home.server_file)
        except OSError as error:
            raise Unavailable(
                f"Cannot read {self._home.server_file}: {os.strerror(error.errno or 0)}.",
                hint="it belongs to the user who runs the server; set AMLET_HOME to a folder of your own.",
            ) from error

    def _running(self) -> Optional[ServerFile]:
        """What the server's file says, when that server answers.

        Raises:
            VersionMismatch: it answers in another protocol.
            Unavailable: its process is there but silent.
        """
        found = self._read()
        if found is None or not found.is_alive:
            return None
        # No token is shown yet: after a crash the port may be another program's.
        client = Client.over(Transport(found.url, "", patience_s=0, answer_s=START_S))
        try:
            _checked(client, patience_s=0)
        except VersionMismatch:
            raise
        except AmletError as error:
            if not getattr(error.__cause__, "timed_out", False):  # refused, or another program answers there
                return None
            raise Unavailable(
                f"The amlet server at {found.url} (process {found.pid}) does not answer.",
                hint=f"its log is {self._home.server_log}; `amlet server stop` ends it.",
            ) from error
        finally:
            client.close()
        return found

    def _start(self) -> ServerFile:
        """Start a server, or wait for the one that another process starts; exactly one wins."""
        if not self._may_start:
            raise Unavailable(
                f"No amlet server runs for {self._home.root}, and starting one is not allowed here.",
                hint="unset AMLET_OFFLINE, or start one with `amlet server start`.",
            )
        command = list(self._command or _server_command())
        deadline = self._clock.monotonic() + START_S
        try:
            owner_only(self._home.root)
            with self._start_lock(deadline) as other:
                return other or self._running_after_leaving() or self._launch(command)
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._home.root) from error

    def _running_after_leaving(self) -> Optional[ServerFile]:
        """The running server, if any; one that is just ending still holds the home, and is waited for."""
        deadline = self._clock.monotonic() + LEAVING_S
        while True:
            found = self._running()
            if found is not None:
                return found
            leaving = self._read()
            if leaving is None or not leaving.is_alive or self._clock.monotonic() > deadline:
                return None
            time.sleep(_POLL_S)

    @contextlib.contextmanager
    def _start_lock(self, deadline: float) -> Iterator[Optional[ServerFile]]:
        """Hold the lock; or give the server that appeared while another process held it."""
        before = self._read()
        lock = os.open(self._home.start_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        other: Optional[ServerFile] = None
        try:
            while other is None:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    pass
                if self._clock.monotonic() > deadline:
                    raise Unavailable(
                        f"Another process has been starting the amlet server of {self._home.root} "
                        f"for {human_seconds(START_S)}.",
                        hint=f"its log is {self._home.server_log}.",
                    )
                time.sleep(_POLL_S)
                if self._read() != before:
                    other = self._running()
            yield other
        finally:
            os.close(lock)

    def _launch(self, command: List[str]) -> ServerFile:
        """Run the command, detached, and wait until its server answers."""
        from amlet.client.detached import Detached

        log = os.open(self._home.server_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            told_before = os.fstat(log).st_size
            process = Detached.start(
                command, output=log, folder=self._home.root, variables=_server_variables(os.environ, self._home)
            )
        except OSError as error:
            raise Unavailable(f"The amlet server could not be started: {command[0]}: {error.strerror}.") from error
        finally:
            os.close(log)
        deadline = self._clock.monotonic() + START_S
        while True:
            # Looked at before the file: one that ended because another server holds the home leaves that one's file.
            ended = process.poll() is not None
            found = self._read()
            if found is not None and (found.pid == process.pid or ended) and self._running() == found:
                if found.pid == process.pid:
                    print(
                        f"amlet: started a server for this user at {found.url} (amlet server stop ends it)",
                        file=sys.stderr,
                        flush=True,
                    )
                return found
            if ended or self._clock.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        if ended:
            what = f"ended at once with exit code {process.returncode}"
        else:
            process.terminate()
            what = f"did not answer within {human_seconds(START_S)}"
        last = _last_lines(self._home.server_log, told_before)
        raise Unavailable(
            f"The amlet server could not be started: it {what}." + (f" It said:\n{last}" if last else ""),
            hint=f"its log is {self._home.server_log}; `amlet server run` runs it here and shows all.",
        )


def _checked(client: Client, *, patience_s: float) -> Client:
    """The client, once its server has said that it speaks our protocol; otherwise it is closed."""
    try:
        _check(client.url, client.patient(patience_s).server.health())
    except BaseException:
        client.close()
        raise
    return client


def _check(url: str, health: Health) -> None:
    if health.protocol != PROTOCOL:
        newer = health.protocol > PROTOCOL
        raise VersionMismatch(
            f"The amlet server at {url} is version {health.version} (protocol {health.protocol}); "
            f"this is amlet {__version__} (protocol {PROTOCOL}).",
            hint="upgrade amlet here with `pip install --upgrade amlet`."
            if newer
            else "`amlet server stop` ends it when no run needs it; the next use starts the version installed here.",
        )


def _server_command() -> List[str]:
    try:
        known = importlib.util.find_spec("amlet.server.__main__") is not None
    except ImportError:
        known = False
    if not known or not sys.executable:
        raise Unavailable(
            "No amlet server is known, and this Python cannot start one: it has only the part of amlet that jobs use.",
            hint="set AMLET_URL and AMLET_TOKEN, or `pip install amlet` into this Python.",
        )
    return [sys.executable, "-m", "amlet.server"]


def _server_variables(variables: Mapping[str, str], home: Home) -> Dict[str, str]:
    """The environment of a server: of its user, not of the run or the notebook that happens to start it.

    A server that bore a run's id would be ended with the run. Settings, the server's key among them, are AMLET_* too
    and go on to it; the address and token of another server do not.
    """
    dropped = {*NOT_INHERITED, "AMLET_URL", "AMLET_TOKEN"}
    kept = {key: text for key, text in variables.items() if key not in dropped and not key.startswith(OF_A_JOB)}
    kept["AMLET_HOME"] = str(home.root)
    installed = Path(__file__).resolve().parents[2]
    if any(part and Path(part).resolve() == installed for part in variables.get("PYTHONPATH", "").split(os.pathsep)):
        kept["PYTHONPATH"] = str(installed)  # amlet itself is known by nothing else
    return kept


def _last_lines(log: Path, since: int) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(since, log.stat().st_size - 16_384))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join("  " + line for line in lines[-_LOG_LINES:])
