"""Runs of this very process: started, logged to and ended by it (v1-behaviours 7.1-7.4)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Union

from amlet.base.errors import AmletError, Conflict, StaleAttempt, StorageFailed, Unavailable
from amlet.base.hashing import sha256_bytes
from amlet.base.ids import uuid4_text
from amlet.base.paths import Home, owner_only
from amlet.domain.artifact import Entry
from amlet.domain.run import CANCELED, COMPLETED, FAILED, RUNNING
from amlet.sdk import recording
from amlet.sdk.exceptions import SnapshotException, UserErrorException, as_v1
from amlet.sdk.local_files import LocalFiles, files_below
from amlet.sdk.notice import warn
from amlet.sdk.recording import Recorder, background

if TYPE_CHECKING:
    from amlet.domain.run import Run as RunRecord
    from amlet.domain.run import RunError
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.run import Run

JOURNALS = "journals"
RUN_FILE = "run.json"
END_FILE = "end.json"
"""How the run ended, when its server could not be told: whoever finds the folder tells it."""

OUTPUTS = "outputs"


class Start(NamedTuple):
    """A run to start."""

    run_id: Optional[str] = None
    name: Optional[str] = None
    display_name: Optional[str] = None
    description: Optional[str] = None
    parent_id: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}


class Own:
    """A run that this process is: where its files come from, and how it ends."""

    def __init__(self, run: Run, recorder: Recorder, outputs: Optional[Path]) -> None:
        self.run = run
        self.recorder = recorder
        self.outputs = outputs
        self.more: Dict[str, Path] = {}
        """Further files to keep at the end, by their paths in the run."""
        self.passing: List[Path] = []
        """Those of them that nobody needs afterwards."""
        self.since = 0.0
        self.logs: Optional[Path] = None
        """The folder of logs that is kept at the end, of files changed `since`."""

    def end(self, outcome: str, error: Optional[RunError] = None, *, exiting: bool = False) -> RunRecord:
        """Bring what was logged and written, then settle the run. Ending twice the same way changes nothing.

        When the server is away, the end is noted beside the journal; whoever finds it there brings both.
        """
        from amlet.wire.runs import EndRun

        run, recorder = self.run, self.recorder
        ended_before = recorder.over
        if ended_before and run._known.status == outcome:
            return run._known
        held = run._connection
        asked = EndRun(outcome, error, recorder.warnings())
        try:
            if outcome != CANCELED:
                self._keep_files(one_at_a_time=exiting)
            record: RunRecord = recorder.hand_over(
                lambda last: held.client.runs.end(held.workspace_id, run.id, asked._replace(journals=last))
            )
        except Unavailable as failure:
            self._note(asked)
            warn(f"run {run.id} has ended as {outcome}; its server is told when it is back: {failure.message}")
            return run._known
        except Conflict:  # somebody else ended it: from outside, or another process of this run
            record = run._load().run
        run._record = record
        recorder.close()
        shutil.rmtree(recorder.folder, ignore_errors=True)
        for place in self.passing:
            place.unlink(missing_ok=True)
        if record.status != outcome:
            told = f"Run {run.id} cannot be ended as {outcome}: it is {record.status} already."
            if ended_before:
                raise UserErrorException(told)
            warn(told)  # ended from outside: no fault of this script
        return record

    def at_end(self, error: Optional[RunError]) -> None:
        """The interpreter ends, and nobody has ended the run."""
        self.end(COMPLETED if error is None else FAILED, error, exiting=True)

    def hand_in_outputs(self) -> None:
        """Send the outputs as they are now."""
        if self.outputs is not None and self.outputs.is_dir():
            found = files_below(self.outputs, OUTPUTS)
            if found.entries:
                self.run._put(found, replace=True)

    def _keep_files(self, *, one_at_a_time: bool) -> None:
        for tries_left in (2, 1, 0):
            try:
                files = self._files()
                if files.entries:
                    self.run._put(files, replace=True, one_at_a_time=one_at_a_time)
                return
            except (AmletError, OSError) as error:  # a file that something still writes to: as it is a moment later
                if isinstance(error, (Unavailable, StaleAttempt)):
                    raise
                if not tries_left:
                    warn(f"files of run {self.run.id} are not kept: {error}")

    def _files(self) -> LocalFiles:
        entries: List[Entry] = []
        sources: Dict[str, Any] = {}
        if self.outputs is not None and self.outputs.is_dir():
            found = files_below(self.outputs, OUTPUTS)
            entries, sources = found.entries, found.sources
        if self.logs is not None and self.logs.is_dir():
            found = files_below(self.logs, "logs", since=self.since)
            entries, sources = [*entries, *found.entries], {**sources, **found.sources}
        for name, place in self.more.items():
            found = files_below(place, name)
            entries = [*(entry for entry in entries if entry.path != name), *found.entries]
            sources = {**sources, **found.sources}
        return LocalFiles(entries, sources)

    def _note(self, asked: Any) -> None:
        from amlet.wire.codec import to_json

        try:
            (self.recorder.folder / END_FILE).write_bytes(to_json(asked))
        except OSError as error:
            warn(f"the end of run {self.run.id} cannot be noted: {error.strerror}")


def start(
    experiment: Experiment, starts: Sequence[Start], *, outputs: Optional[Union[bool, str, Path]] = None
) -> List[Run]:
    """Start runs of this process, in one call.

    Args:
        outputs: The folder whose files are kept at the end; None and True are ./outputs, False is none.

    Raises:
        UserErrorException: for ids and names that cannot be.
        StorageFailed: if their journals would have no place.
    """
    from amlet.sdk.run import Run
    from amlet.wire.runs import StartRun, StartRuns

    held = experiment.workspace._connection
    asked = [
        StartRun(
            experiment.name,
            one.run_id or uuid4_text(),
            name=one.name,
            display_name=one.display_name,
            description=one.description,
            parent_id=one.parent_id,
            tags=one.tags,
        )
        for one in starts
    ]
    with as_v1():
        workspace_id = held.workspace_id
        # The note comes first: a run that begins and whose process dies at once is found by it.
        folders = [make_folder(workspace_id, one.run_id, held.client.url) for one in asked]
        try:
            records = held.client.runs.start(workspace_id, StartRuns(asked)).runs
            over = [record.id for record in records if record.status != RUNNING]
            if over:
                raise UserErrorException(f"There is a run {over[0]} already.", hint="leave run_id out: one is drawn.")
        except BaseException:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            raise
    place = _outputs_folder(outputs)
    return [_own(Run(experiment, record.id, _record=record), folder, place) for record, folder in zip(records, folders)]


def start_with_facts(
    experiment: Experiment,
    asked: Start,
    *,
    outputs: Optional[Union[bool, str, Path]],
    snapshot_directory: Optional[Union[str, Path]],
) -> Run:
    """Start one run, and bring beside the caller what is to be known of it: git, sources, interpreter, machine."""
    here = Path(os.path.abspath(snapshot_directory or "."))  # noqa: PTH100 - the script may change its folder
    if not here.exists():
        raise SnapshotException(f"{here} is not there.", hint="pass snapshot_directory=None to keep no sources.")
    (run,) = start(experiment, [asked], outputs=outputs)

    def work() -> None:
        from amlet.sdk.run_facts import bring_facts

        bring_facts(run, here if here.is_dir() else here.parent, here if snapshot_directory else None)

    run._facts = background.help(work, "amlet-facts")
    return run


def folder_of(workspace_id: str, run_id: str) -> Path:
    """Where the journals of an interactive run lie while it goes on."""
    text = f"{workspace_id}/{run_id}".encode("utf-8", "surrogatepass")
    return Home.find().interactive / sha256_bytes(text)[:24]


def make_folder(workspace_id: str, run_id: str, url: str) -> Path:
    """Make it, with the note that names the run and this process."""
    from amlet.runtime.losses import reserve
    from amlet.runtime.process import mark_of

    folder, mark = folder_of(workspace_id, run_id), mark_of()
    if (folder / RUN_FILE).exists():
        raise UserErrorException(
            f"Run {run_id} is under way in another process, or was until it died.",
            hint="leave run_id out: one is drawn.",
        )
    note = {"workspace_id": workspace_id, "run_id": run_id, "url": url, **mark._asdict()}
    try:
        if not folder.is_dir():
            owner_only(folder)
        partial = folder / f".{RUN_FILE}.{os.getpid()}"
        partial.write_text(json.dumps(note), "utf-8")
        partial.replace(folder / RUN_FILE)
        reserve(folder / JOURNALS)
    except OSError as error:
        raise StorageFailed.from_os_error(error, folder) from error
    return folder


def _own(run: Run, folder: Path, outputs: Optional[Path]) -> Run:
    held = run._connection
    recorder = Recorder(lambda: held, run.id, 0, folder, folder / JOURNALS, is_new=True)
    recorder.own = Own(run, recorder, outputs)
    run._recorder = recorder
    recording.remember(held.workspace_id, recorder)
    background.watch(recorder)
    return run


def _outputs_folder(outputs: Optional[Union[bool, str, Path]]) -> Optional[Path]:
    if outputs is False:
        return None
    folder = Path(os.path.abspath(OUTPUTS if outputs is None or outputs is True else os.fspath(outputs)))  # noqa: PTH100
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed.from_os_error(error, folder) from error
    return folder


def end_from_outside(run: Run, outcome: str, error: Optional[RunError]) -> RunRecord:
    """End a run whose process is another, or was.

    Raises:
        UserErrorException: if a node executes it: then only its script ends it.
    """
    from amlet.wire.runs import EndRun

    held = run._connection
    with as_v1():
        try:
            record: RunRecord = held.client.runs.end(held.workspace_id, run.id, EndRun(outcome, error))
        except Conflict as conflict:
            raise UserErrorException(conflict.message, hint=conflict.hint) from conflict
    return record
