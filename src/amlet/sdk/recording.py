"""What a process has of a run that it logs to: the journal, what still has to be brought, and who brings it.

`run.log` appends to the journal and waits for nothing. One daemon thread a process brings what is new about once a
second; `flush`, `get_metrics` and `complete` bring it at once; what is left is brought when the interpreter ends.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Optional, Tuple, TypeVar, Union

from amlet.base.errors import AmletError, Conflict, NotFound, StaleAttempt, Unavailable
from amlet.client.kept_files import FOLDER, KeptFiles
from amlet.runtime.journal import Journal
from amlet.sdk.draining import Drainer
from amlet.sdk.notice import warn

if TYPE_CHECKING:
    from amlet.client.connection import Client
    from amlet.domain.artifact import Entry
    from amlet.domain.run import RunError, RunWarning
    from amlet.sdk.connection import Connection
    from amlet.sdk.interactive import Own
    from amlet.wire.runs import JournalPiece

T = TypeVar("T")

PAUSE_S = 1.0
"""Between two looks of the thread: v1 sent once a second too (v1-behaviours 4.12)."""

EXIT_S = 300.0
"""How long the end of a process waits for what has not been brought (v1-behaviours 6.7)."""


class Recorder:
    """One run, as a process that logs to it sees it. Safe from any thread.

    Args:
        connect: Gives the way to the server. Called when something is to be brought, never by `append`.
        folder: Where files wait until they are brought.
        journals: The folder of journals, of this process and of its children.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        run_id: str,
        attempt: int,
        folder: Path,
        journals: Path,
        *,
        is_new: bool = False,
    ) -> None:
        self.run_id = run_id
        self.journal: Union[Journal, Nowhere] = Journal(journals, run_id, attempt)
        self.folder = folder
        self.over = False
        """Whether what is logged from now on would reach nobody."""
        self.own: Optional[Own] = None
        """What ends the run, where this process is the run."""
        self.pid = os.getpid()
        self._connect = connect
        self._drainer = Drainer(journals, run_id, attempt, is_new=is_new)
        self._journals = journals
        self._kept = KeptFiles(folder / FOLDER)
        self._files: Deque[Entry] = deque()
        self._lost_files: List[str] = []
        self._lock = threading.RLock()

    def keep_file(self, path: str, content: bytes) -> None:
        """Write a file down, to be brought by the thread. Storage trouble is told, never raised."""
        try:
            self._files.append(self._kept.add(path, content))
        except OSError as error:
            self._lost_files.append(f"{path} is not kept with the run: it could not be written ({error.strerror}).")
            warn(self._lost_files[-1])
            return
        background.watch(self)

    def warnings(self) -> List[RunWarning]:
        """What storage trouble has cost, for the run's end."""
        from amlet.domain.run import RunWarning
        from amlet.runtime.losses import Losses, losses_of

        lost = losses_of(self._journals)
        if lost is None and self.journal.lost:
            lost = Losses(self.journal.lost, self.journal.trouble or "")
        told = [RunWarning("metrics", lost.sentence)] if lost is not None else []
        if self._lost_files:
            more = len(self._lost_files) - 1
            text = self._lost_files[0] + (f" Nor are {more:,} more." if more else "")
            told.append(RunWarning("files", text))
        return told

    def bring(self, *, patience_s: Optional[float] = None) -> None:
        """Bring everything that the server lacks.

        Raises:
            Unavailable: if the server cannot be reached: it is all still here.
            StaleAttempt, NotFound: if the run is over or gone.
        """
        with self._lock:
            if isinstance(self.journal, Nowhere):
                return
            held = self._connect()
            client = held.client if patience_s is None else held.client.patient(patience_s)
            self._bring_files(client, held.workspace_id)
            self._drainer.drain(client, held.workspace_id)

    def hand_over(self, end: Callable[[List[JournalPiece]], T]) -> T:
        """Bring everything, the last of it by the call that ends the run: what is little needs no call of its own.

        Args:
            end: Makes the call. It is made again where the server lacks more than it was given.
        """
        with self._lock:
            if isinstance(self.journal, Nowhere):
                return end([])
            held = self._connect()
            self._bring_files(held.client, held.workspace_id)
            last = self._drainer.last()
            if last is not None:
                try:
                    return end(last)
                except Conflict as error:
                    if isinstance(error, StaleAttempt) or not last:
                        raise
            self._drainer.drain(held.client, held.workspace_id)
            return end(self._drainer.last() or [])

    def close(self) -> None:
        """Nothing more is logged here."""
        self.over = True
        background.forget(self)
        self.journal.close()

    def refused(self, error: AmletError) -> None:
        """The server takes no more for this run: somebody ended it. The script goes on, and logs to nowhere."""
        if isinstance(self.journal, Nowhere):
            return
        background.forget(self)
        self.journal.close()
        self.journal = Nowhere()
        self._files.clear()
        warn(f"what is logged to run {self.run_id} from now on is not kept: {error.message}")

    def _bring_files(self, client: Client, workspace_id: str) -> None:
        from amlet.client.uploads import submit_with_blobs
        from amlet.wire.runs import PutFiles

        while self._files:
            entry = self._files[0]
            place = Path(self._kept.place_of(entry.sha256))
            asked = PutFiles([entry])
            try:
                submit_with_blobs(
                    lambda asked=asked: client.runs.put_files(workspace_id, self.run_id, asked),  # type: ignore[misc]
                    client,
                    workspace_id,
                    {entry.sha256: (place, entry.size_bytes)},
                )
            except Conflict as error:
                if isinstance(error, StaleAttempt):
                    raise
                warn(error.message)
            self._files.popleft()
            place.unlink(missing_ok=True)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()


class Nowhere:
    """In the place of a journal when nobody would take what it holds."""

    lost = 0
    trouble: Optional[str] = None

    def append(self, name: str, kind: str, value: Any, step: Optional[int] = None) -> None:
        """Drop it."""

    def close(self) -> None:
        """There is nothing to close."""


class Background:
    """The thread that brings what is new, and the end of the process. One object a process."""

    def __init__(self) -> None:
        self._recorders: List[Recorder] = []
        self._thread: Optional[threading.Thread] = None
        self._helpers: List[threading.Thread] = []
        self._last: List[Callable[[], None]] = []
        self._registered = False

    def watch(self, recorder: Recorder) -> None:
        """Bring what the recorder gets from now on."""
        if recorder not in self._recorders:
            self._recorders.append(recorder)
        if not self._registered:
            import atexit

            self._registered = True
            atexit.register(self._at_exit)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="amlet-recorder", daemon=True)
            self._thread.start()

    def forget(self, recorder: Recorder) -> None:
        """There is nothing more to bring."""
        if recorder in self._recorders:
            self._recorders.remove(recorder)

    def help(self, work: Callable[[], None], name: str) -> threading.Thread:
        """Do something beside the caller, which the end of the process waits for."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._helpers = [helper for helper in self._helpers if helper.is_alive()]
        self._helpers.append(thread)
        thread.start()
        return thread

    def clean_up(self, work: Callable[[], None]) -> None:
        """Do something as the last act of the process."""
        self._last.append(work)

    def _work(self) -> None:
        while True:
            time.sleep(PAUSE_S)
            for recorder in list(self._recorders):
                try:
                    recorder.bring(patience_s=0.0)
                except Unavailable:
                    continue
                except (StaleAttempt, NotFound) as error:
                    recorder.refused(error)
                except Exception as error:  # noqa: BLE001 - the thread must live on; the next look tries again
                    _tell_once(f"what run {recorder.run_id} logs cannot be brought now: {error}")

    def _at_exit(self) -> None:
        """End what nobody has ended, the latest first, and bring what is left."""
        error = uncaught()
        deadline = time.monotonic() + EXIT_S
        for recorder in reversed(list(self._recorders)):
            if recorder.pid != os.getpid():
                continue
            try:
                if recorder.own is not None:
                    recorder.own.at_end(error)
                else:
                    recorder.bring()
            except AmletError as failure:
                warn(f"the end of run {recorder.run_id} was not brought: {failure.message}")
        for helper in self._helpers:
            helper.join(max(0.0, deadline - time.monotonic()))
        for work in self._last:
            work()

    def _after_fork(self) -> None:
        """In the child: its threads are gone. What it logs, the parent's thread brings."""
        for recorder in self._recorders:
            recorder._renew_lock()
        self._recorders, self._thread, self._helpers, self._last = [], None, [], []


background = Background()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=background._after_fork)

_own: Dict[Tuple[str, str], Recorder] = {}
_told: List[str] = []


def remember(workspace_id: str, recorder: Recorder) -> None:
    """Every object of this run in this process logs through this recorder."""
    _own[workspace_id, recorder.run_id] = recorder


def known(workspace_id: str, run_id: str) -> Optional[Recorder]:
    """The recorder of a run in this process."""
    found = _own.get((workspace_id, run_id))
    return None if found is None or found.over else found


def bring_all(workspace_id: str) -> None:
    """Bring what this process logged to any run of a workspace.

    Raises:
        Unavailable: if the server cannot be reached.
    """
    for (workspace, _), recorder in list(_own.items()):
        if workspace == workspace_id and not recorder.over:
            try:
                recorder.bring()
            except (StaleAttempt, NotFound) as error:
                recorder.refused(error)


def uncaught() -> Optional[RunError]:
    """The exception that ends this interpreter, if one does. In a notebook an exception ends a cell only."""
    import sys

    value = getattr(sys, "last_value", None)
    if value is None or hasattr(sys, "ps1") or "IPython" in sys.modules:
        return None
    from amlet.sdk.run_errors import error_of

    return error_of(value)


def _tell_once(message: str) -> None:
    if message not in _told:
        _told.append(message)
        warn(message)
