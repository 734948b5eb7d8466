"""A job's data on its node: inputs linked or fetched before the script starts, outputs brought away after it.

A datastore that is a folder of this machine is linked, whatever its size; others are fetched into the node's cache,
which all runs share, by content. Where things lie follows from the lease and the attempt's folder alone, so that a
node that takes an attempt over finds them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from amlet.base.errors import DatastoreFailed, InvalidInput, StorageFailed
from amlet.base.paths import inside, owner_only
from amlet.base.units import human_bytes
from amlet.client.data_folder import DataFolder
from amlet.client.datastore_files import DatastoreFiles, ToUpload, nothing_there
from amlet.client.web_files import fetch, names_of
from amlet.domain import data
from amlet.domain.data import DataFile, DataPath, JobInput, JobOutput
from amlet.domain.job import Job

FOLDER = "data"
"""In the attempt's folder."""

TRIES = 4
PAUSE_S = 3.0
"""How often, and with what pause, outputs are tried to be brought to a datastore that does not answer."""

Say = Callable[[str], None]
T = TypeVar("T")


class RunData:
    """The data of one attempt.

    Args:
        folder: The attempt's own; `work` in it is where the script starts.
        contained: The script runs in a container, which sees the attempt's folder and what `shown` names.
    """

    def __init__(self, job: Job, files: DatastoreFiles, folder: Path, work: Path, *, contained: bool = False) -> None:
        self._job = job
        self._files = files
        self._folder = folder / FOLDER
        self._work = work
        self._contained = contained
        self.shown: list[Path] = []
        """What links lead to, outside the attempt's folder."""

    def stage(self, say: Say) -> dict[str, str]:
        """Put every input where the script finds it, and make room for every output.

        Returns:
            The variables that tell where (v1-behaviours 6.4).

        Raises:
            NotFound: a path that is not there, or a glob that matches nothing.
            InvalidInput: a path on this node that is taken.
            DatastoreFailed, StorageFailed, Unavailable: it cannot be fetched; no file is half there.
        """
        if not self._job.inputs and not self._job.outputs:
            return {}
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier try at the same attempt
        variables: dict[str, str] = {}
        for given in self._job.inputs:
            variables[given.variable] = self._stage(given, say)
        for output in self._job.outputs:
            variables[output.variable] = self._open(output)
        named = [given for given in self._job.inputs if not given.is_reference]
        if named:
            variables[data.INPUTS_VARIABLE] = ",".join(f"{given.name}:{given.mode}" for given in named)
        written = [output.name for output in self._job.outputs if not output.is_reference]
        if written:
            variables[data.OUTPUTS_VARIABLE] = ";".join(written)
        return variables

    def bring(self, say: Say, *, completed: bool) -> list[str]:
        """Bring what the script wrote to its datastores. Doing so twice changes nothing.

        Args:
            completed: The script has ended well; else what is uploaded at a good end stays behind, as in v1.

        Returns:
            Sentences on what was left as it was.

        Raises:
            AmletError: an output cannot be brought.
        """
        told: list[str] = []
        for output in self._job.outputs:
            place = self._folder / "out" / output.name
            if place.is_symlink():
                continue  # it was written in place
            if output.source:
                place = self._work / output.source
            if completed or output.mode == data.MOUNT:
                told += self._bring(output, place, say)
        return told

    def filled(self, arguments: Sequence[str], variables: dict[str, str]) -> list[str]:
        """Arguments with the paths in place of what stands for them (v1-behaviours 9.5)."""
        by_text: dict[str, str] = {}
        items: list[JobInput | JobOutput] = [*self._job.inputs, *self._job.outputs]
        for item in items:
            value = variables.get(item.variable)
            if value is None:
                continue
            if item.is_reference:
                by_text["$" + item.variable] = value
            else:
                sign = data.INPUT_PLACEHOLDER if isinstance(item, JobInput) else data.OUTPUT_PLACEHOLDER
                by_text[sign + item.name] = value
        longest = sorted(by_text, key=len, reverse=True)
        found = []
        for argument in arguments:
            for text in longest:
                argument = argument.replace(text, by_text[text])
            found.append(argument)
        return found

    def _stage(self, given: JobInput, say: Say) -> str:
        if given.mode == data.DIRECT:
            source = given.sources[0] if given.sources else DataPath(None, "")
            return given.dataset_id or "/".join(part for part in source if part)
        place = self._folder / "in" / given.name
        owner_only(place.parent)
        linked = self._link(given, place) if given.mode == data.MOUNT else None
        found = linked or self._fetch(given, place, say)
        return str(self._at(given.path_on_compute, found, what=f"input {given.name}"))

    def _link(self, given: JobInput, place: Path) -> Path | None:
        """A link to a whole folder or to one file of this machine's; None where it takes more than that."""
        source = given.sources[0]
        if len(given.sources) != 1 or source.datastore is None or data.is_glob(source.path):
            return None
        folder = self._files.folder(source.datastore)
        if folder is None:
            return None
        path = data.clean_path(source.path)
        target = folder.find(path) if path else folder.root
        if not target.exists():
            raise nothing_there(source.datastore, source.path)
        if target.is_file():
            link = place / target.name
            owner_only(place)
            link.symlink_to(target)
            self.shown.append(target)
            return link if given.is_file or given.is_reference else place
        place.symlink_to(target)
        self.shown.append(target)
        return place

    def _fetch(self, given: JobInput, place: Path, say: Say) -> Path:
        """A folder of the input's files: links to the cache, or copies of its own."""
        began = time.monotonic()
        owner_only(place)
        found: list[Path] = []
        size = 0
        by_store: dict[str, list[DataPath]] = {}
        for source in given.sources:
            if source.datastore is not None:
                by_store.setdefault(source.datastore, []).append(source)
        urls = list(dict.fromkeys(source.path for source in given.sources if source.datastore is None))
        for url, name in zip(urls, names_of(urls), strict=True):
            held = fetch(url, self._files.cache)
            found.append(inside(place, name))
            found[-1].parent.mkdir(parents=True, exist_ok=True)
            if given.mode == data.DOWNLOAD:
                shutil.copyfile(held, found[-1])
            else:
                found[-1].symlink_to(held)
                self.shown.append(held)
            size += held.stat().st_size
        for datastore, sources in by_store.items():
            files = self._listed(datastore, sources)
            root = data.common_root(sources, [file.path for file in files])
            base = place / datastore if len(by_store) > 1 else place
            targets = [inside(base, data.below(root, file.path)) for file in files]
            for parent in {target.parent for target in targets}:
                parent.mkdir(parents=True, exist_ok=True)
            if given.mode == data.DOWNLOAD:
                self._files.download_all(datastore, files, targets)
            else:
                for held, target in zip(self._files.open_all(datastore, files), targets, strict=True):
                    target.symlink_to(held)
                    self.shown.append(held)
            found += targets
            size += sum(file.size_bytes for file in files)
        count = f"{len(found):,} {'file' if len(found) == 1 else 'files'}"
        how = "copied for the script" if given.mode == data.DOWNLOAD else "in the node's cache"
        say(f"input {given.name}: {count}, {human_bytes(size)}, {how} in {time.monotonic() - began:.1f} s")
        is_one = len(found) == 1 and (
            given.is_file or (given.is_reference and found[0].name == given.sources[0].path.rpartition("/")[2])
        )
        return found[0] if is_one else place

    def _listed(self, datastore: str, sources: Sequence[DataPath]) -> list[DataFile]:
        found: dict[str, DataFile] = {}
        for source in sources:
            listed = list(self._files.list(datastore, source.path))
            if not listed:
                raise nothing_there(datastore, source.path)
            found.update((file.path, file) for file in listed)
        return list(found.values())

    def _open(self, output: JobOutput) -> str:
        """A place that the script can write to."""
        place = self._folder / "out" / output.name
        owner_only(place.parent)
        folder = self._written_in_place(output)
        if folder is not None:
            target = folder.root / output.destination.path
            target.mkdir(parents=True, exist_ok=True)
            folder.find(output.destination.path)  # no link on the way leads elsewhere
            place.symlink_to(target)
            return str(self._at(output.source, place, what=f"output {output.name}"))
        if output.source and not output.is_reference:
            chosen = self._work / output.source
            chosen.mkdir(parents=True, exist_ok=True)
            return str(chosen)
        if output.is_reference and output.source:
            return str(self._work / output.source)  # a file or a folder: the script makes it
        place.mkdir(exist_ok=True)
        return str(place)

    def _written_in_place(self, output: JobOutput) -> DataFolder | None:
        if output.mode != data.MOUNT or self._contained or output.destination.datastore is None:
            return None
        folder = self._files.folder(output.destination.datastore)
        return folder if folder is not None and os.access(folder.root, os.W_OK) else None

    def _at(self, asked: str | None, place: Path, *, what: str) -> Path:
        """The place itself, or a link to it at the path that was asked for."""
        if not asked:
            return place
        link = self._work / asked
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            if link.is_symlink():
                link.unlink()  # what an earlier run left
            link.symlink_to(place)
        except FileExistsError as error:
            raise InvalidInput(
                f"{what} is to be at {asked!r}, and something else is there on this node.",
                hint="choose another path_on_compute, or leave it out.",
            ) from error
        except OSError as error:
            raise StorageFailed.from_os_error(error, link) from error
        return link

    def _bring(self, output: JobOutput, place: Path, say: Say) -> list[str]:
        files = _written(place, output)
        datastore = output.destination.datastore or ""
        if not files:
            return [f"Output {output.name} is empty: the script wrote nothing to {place}."]
        began = time.monotonic()
        overwrite = output.overwrite or output.mode == data.MOUNT
        done = _patiently(lambda: self._files.upload(datastore, files, overwrite=overwrite))
        count = f"{len(done.written):,} {'file' if len(done.written) == 1 else 'files'}"
        where = f"{datastore}/{output.destination.path}"
        say(f"output {output.name}: {count} brought to {where} in {time.monotonic() - began:.1f} s")
        if not done.skipped:
            return []
        listed = ", ".join(done.skipped[:5]) + (" and others" if len(done.skipped) > 5 else "")
        stayed = f"Output {output.name}: files that were on {datastore} already stayed as they were: {listed}."
        return [f"{stayed} as_upload(overwrite=True) replaces them."]


def _written(place: Path, output: JobOutput) -> list[ToUpload]:
    root = output.destination.path
    if place.is_file():
        return [ToUpload(place, f"{root}/{place.name}" if root else place.name)]
    wanted = [data.matcher(glob) for glob in output.globs]
    found = []
    for parent, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            below = path.relative_to(place).as_posix()
            if path.is_file() and (not wanted or any(pattern.fullmatch(below) for pattern in wanted)):
                found.append(ToUpload(path, f"{root}/{below}" if root else below))
    return found


def _patiently(call: Callable[[], T]) -> T:
    for left in reversed(range(TRIES)):
        try:
            return call()
        except DatastoreFailed:
            if not left:
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("the last try returns or raises")
