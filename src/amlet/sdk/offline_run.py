"""A run outside a job: real, kept on this machine; it starts no server (v1-behaviours 5, 19c)."""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Union

from amlet.base.errors import Conflict, NotFound, StorageFailed
from amlet.base.hashing import sha256_bytes
from amlet.base.ids import uuid4_text
from amlet.base.names import EXPERIMENT, RUN_ID
from amlet.base.paths import Home
from amlet.domain import run as records
from amlet.domain.artifact import Entry
from amlet.domain.metric import Point, collated
from amlet.runtime.journal import Journal, read_file
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.local_files import LocalFiles
from amlet.sdk.notice import warn
from amlet.sdk.offline_printing import PrintingRun
from amlet.sdk.offline_store import JOURNALS, FileBody, Note, OfflineFolder

if TYPE_CHECKING:
    from amlet.sdk.connection import Connection
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.run import Run
    from amlet.wire.runs import RunDetails, UpdateRun

PREFIX = "OfflineRun_"
NO_EXPERIMENT = "offline"


class _OfflineRun(PrintingRun):
    """A local run: the same methods as in a job, and what v1 prints.

    It is kept below AMLET_HOME/offline and can be read back; `amlet sync` brings it to a server. What needs a server -
    registering a model, submitting a child - starts it and brings the run there first.
    """

    def __init__(
        self,
        parent_logger: Any = None,
        run_id: Optional[str] = None,
        *,
        _parent: Optional[_OfflineRun] = None,
        _name: Optional[str] = None,
        _tags: Optional[Dict[str, Optional[str]]] = None,
        **kwargs: Any,
    ) -> None:
        with as_v1():
            self._run_id = RUN_ID.check(run_id) if run_id is not None else PREFIX + uuid4_text()
        self._place = Path.cwd()
        self._store = OfflineFolder(Home.find().offline / self._run_id)
        self._journal = Journal(self._store.folder / JOURNALS, self._run_id, 0)
        self._pid = os.getpid()
        self._parent = _parent
        self._children: List[_OfflineRun] = []
        self._held_files: Dict[str, Entry] = {}
        self._is_synced = False
        self._offline_experiment: Optional[Experiment] = None
        now = datetime.now(timezone.utc)
        self._record: records.Run = records.Run(
            workspace_id="",
            id=self._run_id,
            experiment=_parent._record.experiment if _parent else _experiment_name(self._place),
            number=0,
            type=None,
            status=records.RUNNING,
            display_name=_name or self._run_id,
            target="local",
            attempt=0,
            tags=dict(_tags or {}),
            properties={},
            stages=[],
            warnings=[],
            error=None,
            waiting_for=None,
            lock_id=None,
            created=now,
            started=now,
            ended=None,
            revision=0,
            name=_name,
            parent_id=_parent.id if _parent else None,
        )
        if _tags:
            from amlet.wire.runs import UpdateRun

            self._change(UpdateRun(set_tags=dict(_tags)))

    @property
    def experiment(self) -> Experiment:
        """An experiment named after this folder, in the workspace of its config.json.

        Raises:
            UserErrorException: if there is no config.json.
        """
        if self._offline_experiment is None:
            from amlet.sdk import config_file
            from amlet.sdk.experiment import Experiment
            from amlet.sdk.workspace import Workspace

            found = config_file.load(str(self._place))
            workspace = Workspace(*found[:3], _disable_service_check=True, _url=found.amlet_url)
            self._offline_experiment = Experiment(
                workspace, self._record.experiment, _skip_name_validation=True, _create_in_cloud=False
            )
        return self._offline_experiment

    @property
    def number(self) -> Optional[int]:
        """None: no experiment counts it."""
        return None

    @property
    def parent(self) -> Optional[Run]:
        """The run that this one is a child of; None for a root."""
        return self._parent

    def child_run(
        self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Optional[Union[bool, str]] = None
    ) -> Run:
        """A child, kept beside this run. Its id is `<id of this run>.<name>` (v1-behaviours 5.2)."""
        part = re.sub(r"[^\w\-.]", "-", str(name), flags=re.ASCII) if name else uuid4_text()
        wanted = run_id or f"{self._run_id}.{part}"[:200]
        taken, number = {child.id for child in self._children}, 1
        while wanted in taken:
            number += 1
            wanted = run_id or f"{self._run_id}.{part}"[:200] + f"-{number}"
            if run_id:
                raise UserErrorException(f"There is a run {run_id} already.", hint="leave run_id out: one is drawn.")
        return self._add_child(wanted, str(name) if name else None, None)

    def create_children(
        self,
        count: Optional[int] = None,
        tag_key: Optional[str] = None,
        tag_values: Optional[Sequence[str]] = None,
    ) -> List[Run]:
        """Several children: `count` of them, or one for each of `tag_values`, tagged with it."""
        from amlet.sdk.run_tree import children_tags

        return [
            self._add_child(f"{self._run_id}.{uuid4_text()}", None, tags)
            for tags in children_tags(count, tag_key, tag_values)
        ]

    def submit_child(self, config: Any, tags: Optional[Dict[str, Optional[str]]] = None, **kwargs: Any) -> Run:
        """Submit a script as a child of this run, which is brought to the server first."""
        self._connection.client  # noqa: B018 - brings this run
        return super().submit_child(config, tags, **kwargs)

    def get_status(self) -> str:
        """`Running` until `complete`, `fail` or `cancel`."""
        return self._record.status

    def get_details(self) -> Dict[str, Any]:
        """All of the run under v1's keys; its logs' addresses are files of this machine."""
        from amlet.sdk import run_definition

        found = self._load()
        names = run_definition.log_names(found)
        urls = {name: self._store.place_of(self._held_files[name].sha256).as_uri() for name in names}
        return run_definition.details(found, log_urls=urls)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Dict[str, Any]:
        """There is nothing to wait for: this process is the run."""
        return self.get_details()

    def start(self) -> None:
        """The run has begun when it is there."""

    def cancel(self) -> None:
        """The run was given up."""
        self._end(records.CANCELED, None)

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """The run has ended with an error, which is printed."""
        from amlet.sdk.run_errors import error_of

        error = error_of(error_details, error_code)
        print(f"Run failed with error code {error_code}:\n{error_details}")
        self._end(records.FAILED, error)

    # The ways that lead to a server elsewhere lead to the folder here.

    @property
    def _connection(self) -> Connection:
        """The server, which has all of this run then."""
        from amlet.sdk.sync import bring

        held = self.experiment.workspace._connection
        self._begin()
        bring(self._store.folder, held)
        self._is_synced = True
        return held

    def _load(self) -> RunDetails:
        from amlet.wire.files import RunFile
        from amlet.wire.runs import RunDetails

        files = [RunFile(entry.path, entry.size_bytes, False) for entry in self._held_files.values()]
        return RunDetails(self._record, None, None, files)

    def _change(self, asked: UpdateRun) -> None:
        held = self._record
        changed = [key for key, value in asked.add_properties.items() if held.properties.get(key, value) != value]
        if changed:
            raise UserErrorException(
                f"Properties are immutable, and run {self._run_id} has these with other values: {', '.join(changed)}.",
                hint="use a tag for what changes.",
            )
        tags = {key: value for key, value in held.tags.items() if key not in asked.remove_tags}
        self._record = held._replace(
            tags={**tags, **asked.set_tags},
            properties={**held.properties, **asked.add_properties},
            display_name=held.display_name if asked.display_name is None else asked.display_name,
            description=held.description if asked.description is None else asked.description,
        )
        self._begin()
        self._store.add("update", asked)

    def _put(self, files: LocalFiles, *, replace: bool = False, one_at_a_time: bool = False) -> None:
        from amlet.wire.runs import PutFiles

        for entry in files.entries:
            known = self._held_files.get(entry.path)
            if known is not None and known.sha256 != entry.sha256 and not replace:
                with as_v1():
                    raise Conflict(
                        f"Resource Conflict: run {self._run_id} has a file of this name already: {entry.path}.",
                        hint="files of a run are not overwritten: give the new one another name.",
                    )
        self._begin()
        try:
            self._store.keep(files)
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._store.folder) from error
        self._held_files.update({entry.path: entry for entry in files.entries})
        self._store.add("files", PutFiles(files.entries, replace=True))

    def _open_file(self, name: str, offset: int = 0) -> Any:
        entry = self._held_files.get(name)
        if entry is None:
            listed = ", ".join(sorted(self._held_files)[:30]) or "none"
            raise NotFound(f"Run {self._run_id} has no file {name!r}. Its files: {listed}.")
        return FileBody(self._store.place_of(entry.sha256), offset)

    def _read_metrics(self, name: Optional[str]) -> Dict[str, Any]:
        points: Dict[str, List[Point]] = {}
        for journal in sorted((self._store.folder / JOURNALS).glob("*.jsonl")):
            for point in read_file(journal):
                if name in (None, point.name):
                    points.setdefault(point.name, []).append(point)
        found = {key: collated(held) for key, held in points.items()}
        for held in found.values():
            if held.fault is not None:
                warn(held.fault)
        return {key: held.value for key, held in found.items()}

    def _bring_metrics(self) -> None:
        """They are here."""

    def _find_children(self, *, recursive: bool, **chosen: Any) -> Iterator[records.Run]:
        import json

        marks = {name: json.loads(chosen.get(name) or "{}") for name in ("tags", "properties")}
        for child in self._family() if recursive else reversed(self._children):
            record = child._record
            if "type" in chosen or ("status" in chosen and record.status != chosen["status"]):
                continue  # a local run has no type
            if all(
                key in getattr(record, name) and value in (None, getattr(record, name)[key])
                for name, wanted in marks.items()
                for key, value in wanted.items()
            ):
                yield record

    def _other(self, record: records.Run) -> Run:
        return next(child for child in self._family() if child.id == record.id)

    def _fetch(self, run_id: str, path: str) -> bytes:
        found = next((run for run in [self, *self._family()] if run.id == run_id), None)
        return found._read_file(path) if found is not None else super()._fetch(run_id, path)

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        if not self._store.begun:
            self._begin()
        self._journal.append(name, kind, value, step)

    def _keep_file(self, path: str, content: bytes) -> None:
        import tempfile

        try:
            with tempfile.TemporaryDirectory(prefix="amlet-") as spool:
                place, digest = Path(spool, "content"), sha256_bytes(content)
                place.write_bytes(content)
                entry = Entry(path, digest, len(content))
                self._put(LocalFiles([entry], {digest: (place, len(content))}), replace=True)
        except (OSError, StorageFailed) as error:
            warn(f"{path} is not kept with the run: {error}")

    def _end(self, outcome: str, error: Optional[records.RunError]) -> None:
        from amlet.wire.runs import EndRun

        if self._record.is_over:
            return
        now = datetime.now(timezone.utc)
        self._record = self._record._replace(status=outcome, error=error, ended=now)
        lost = self._journal.lost
        told = [records.RunWarning("metrics", f"{lost} values were lost: {self._journal.trouble}.")] if lost else []
        self._begin()
        self._store.add("end", EndRun(outcome, error, told, now))

    def _hand_in_outputs(self, path: str) -> None:
        """Keep the outputs as they are now, and bring the run to the server."""
        from amlet.sdk.local_files import files_below

        outputs = self._place / "outputs"
        if outputs.is_dir():
            self._put(files_below(outputs, "outputs"), replace=True)
        self._connection.client  # noqa: B018 - brings the run

    def _add_child(self, run_id: str, name: Optional[str], tags: Optional[Dict[str, Optional[str]]]) -> _OfflineRun:
        child = _OfflineRun(run_id=run_id, _parent=self, _name=name, _tags=tags)
        child._place = self._place
        self._children.append(child)
        return child

    def _family(self) -> List[_OfflineRun]:
        """The children and theirs, newest first."""
        found: List[_OfflineRun] = []
        for child in reversed(self._children):
            found += [child, *child._family()]
        return found

    def _begin(self) -> None:
        """Make the folder, once something is to be kept."""
        if self._store.begun:
            return
        from amlet.base.clock import to_iso
        from amlet.runtime.process import mark_of
        from amlet.sdk import config_file

        if self._parent is not None:
            self._parent._begin()  # type: ignore[attr-defined]
        config = None
        try:
            place, _ = config_file.search(self._place, config_file.FILES)
            config = config_file.read(place) if place is not None else None
        except (UserErrorException, OSError):
            pass  # a broken config.json ends no training; sync asks again
        self._store.begin(
            Note(
                self._run_id,
                self._record.experiment,
                to_iso(self._record.created),
                mark_of(),
                (config.subscription_id, config.resource_group, config.workspace_name) if config else None,
                config.amlet_url if config else None,
                self._record.name,
                self._record.parent_id,
            )
        )
        _end_at_exit(self)

    def _at_exit(self, error: Optional[records.RunError]) -> None:
        if self._pid != os.getpid():
            return
        self._end(records.COMPLETED if error is None else records.FAILED, error)
        if self._is_synced:
            from amlet.base.errors import AmletError
            from amlet.sdk.sync import bring

            try:
                bring(self._store.folder, self.experiment.workspace._connection)
            except AmletError as failure:
                warn(f"`amlet sync` brings the end of {self._run_id}: {failure.message}")


_begun: List[_OfflineRun] = []


def _end_at_exit(run: _OfflineRun) -> None:
    """A process that ends has ended its runs: only a killed one leaves them open, and sync says so."""
    if not _begun:
        import atexit

        atexit.register(_end_all)
    _begun.append(run)


def _end_all() -> None:
    from amlet.sdk.recording import uncaught

    error = uncaught()
    for run in reversed(_begun):
        run._at_exit(error)


def _experiment_name(folder: Path) -> str:
    """An experiment's name from a folder's."""
    name = re.sub(r"[^a-zA-Z0-9_\-]+", "-", folder.name).strip("-_")[:255]
    return name if EXPERIMENT.allows(name) else NO_EXPERIMENT
