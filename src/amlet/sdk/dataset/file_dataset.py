"""Datasets of files: listed, downloaded, mounted."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from amlet.domain.data import FILE_DATASET
from amlet.sdk.dataset import steps
from amlet.sdk.dataset.abstract_dataset import AbstractDataset, checked_count, checked_seed, checked_share
from amlet.sdk.dataset.blocks import Block, ListBlock
from amlet.sdk.dataset.data_type import DATETIME, LONG, STRING
from amlet.sdk.dataset.expressions import Expression, condition_of
from amlet.sdk.dataset.files import SourceFile, list_files, open_file, partition_values
from amlet.sdk.dataset.mounting import MountContext
from amlet.sdk.dataset.partition_format import parse
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember

_FACTS = {"Size": LONG, "Extension": STRING}
_PLACE = "file_metadata."
_NUMBER = "#"
_CACHE = "use as_mount(): data that is elsewhere is fetched into the node's cache once."


class FileDataset(AbstractDataset):
    """Files. Steps choose among them; their contents are left as they are."""

    _kind = FILE_DATASET

    as_cache = RefusedMember(_CACHE)
    hydrate = RefusedMember(_CACHE)
    as_hdfs = RefusedMember("use as_mount() or as_download(): amlet starts no Spark.")

    @property
    def _is_file(self) -> bool:  # type: ignore[override]
        return bool(self._definition.get("is_file"))

    def to_path(self) -> List[str]:
        """The files' paths below the folder that they share, each with a slash before it."""
        return ["/" + path for path in self._relative_paths()]

    def download(
        self, target_path: Optional[str] = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> List[str]:
        """Copy the files to this machine, in the layout that they have below the folder they share.

        Args:
            target_path: A folder; a temporary one by default.
            overwrite: Take the place of files that are there.
            ignore_not_found: Leave out files that are gone, instead of an error.

        Returns:
            The paths of the files here.

        Raises:
            UserErrorException: a file is there already; none is downloaded then.
        """
        folder = Path(target_path) if target_path else Path(tempfile.mkdtemp(prefix="amlet-"))
        places = [folder / path for path in self._relative_paths()]
        taken = [str(place) for place in places if place.exists()]
        if taken and not overwrite:
            raise UserErrorException(
                f"{len(taken)} of {len(places)} files are there already, such as {taken[0]}.",
                hint="overwrite=True takes their place.",
            )
        if self._definition.get("written"):
            folder.mkdir(parents=True, exist_ok=True)
            return [str(self._write_to(folder))]
        files = self._files()
        if not ignore_not_found and files and all(file.held is not None for file in files):
            self._fetch(files, places)
            return [str(place) for place in places]
        found = []
        for file, place in zip(files, places):
            try:
                _copy(open_file(file, self._sources.workspace), place)
            except UserErrorException:
                if not ignore_not_found:
                    raise
                continue
            found.append(str(place))
        return found

    def mount(self, mount_point: Optional[str] = None, **kwargs: Any) -> MountContext:
        """The files under a folder, for as long as the context is: `with dataset.mount() as context: ...`.

        Files of this machine are links, others are fetched into a cache. To be read, not written. Needs no FUSE.
        """
        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute: Optional[str] = None) -> Any:
        """The files for a job, under a path: see `as_named_input`."""
        return self._unnamed().as_mount(path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> Any:
        """The files for a job, downloaded before its script starts."""
        return self._unnamed().as_download(path_on_compute)

    def take(self, count: int) -> FileDataset:
        """The first files."""
        return self._with_step({"step": steps.TAKE, "count": checked_count(count, "take")})  # type: ignore[no-any-return]

    def skip(self, count: int) -> FileDataset:
        """All but the first files."""
        return self._with_step({"step": steps.SKIP, "count": checked_count(count, "skip")})  # type: ignore[no-any-return]

    def take_sample(self, probability: float, seed: Optional[int] = None) -> FileDataset:
        """Each file with this probability."""
        share = checked_share(probability, "take_sample")
        step = {"step": steps.SAMPLE, "probability": share, "seed": checked_seed(seed)}
        return self._with_step(step)  # type: ignore[no-any-return]

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Tuple[FileDataset, FileDataset]:
        """About this share of the files, and the rest."""
        share = checked_share(percentage, "random_split")
        step = {"step": steps.SPLIT, "percentage": share, "seed": checked_seed(seed)}
        return self._with_step({**step, "part": "first"}), self._with_step({**step, "part": "rest"})

    def file_metadata(self, col: str) -> Expression:
        """A fact about the files, to make a condition of for `filter`: Size (in bytes) or Extension."""
        if col not in _FACTS:
            raise UserErrorException(f"file_metadata({col!r}): amlet knows {' and '.join(_FACTS)}.")
        return Expression(["column", _PLACE + col])

    def filter(self, expression: Any) -> FileDataset:
        """The files that match a condition on what their paths tell (`dataset["column"]`) or on `file_metadata`."""
        return self._with_step({"step": steps.FILTER, "condition": condition_of(expression)})  # type: ignore[no-any-return]

    def _files(self) -> List[SourceFile]:
        """The files that the steps leave."""
        files = list_files(self._sources)
        told = self._definition.get("steps", [])
        if not told:
            return files
        columns: Dict[str, List[Any]] = {
            _NUMBER: list(range(len(files))),
            _PLACE + "Size": [file.size_bytes if file.size_bytes >= 0 else None for file in files],
            _PLACE + "Extension": [os.path.splitext(file.relative)[1] for file in files],  # noqa: PTH122
        }
        kinds = {}
        form = self._definition.get("partition_format")
        if form:
            partition = parse(form)
            values = partition_values(files, partition)
            for name in partition.columns:
                columns[name] = [row[name] for row in values]
                kinds[name] = DATETIME if name == partition.time_column else STRING
        steps.columns_needed(told, list(columns))
        all_files: Block = ListBlock(columns, len(files), kinds)
        left = [number for block in steps.run(told, [all_files]) for number in block.values(_NUMBER)]
        return [files[number] for number in left]

    def _fetch(self, files: List[SourceFile], places: List[Path]) -> None:
        """Copies of files of datastores, several at a time."""
        from amlet.sdk.datastore_files import download_all

        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
        by_store: Dict[str, List[Any]] = {}
        for file, place in zip(files, places):
            by_store.setdefault(str(file.source.datastore), []).append((file.held, place))
        assert self._sources.workspace is not None
        for datastore, pairs in by_store.items():
            download_all(self._sources.workspace, datastore, pairs)

    def _relative_paths(self) -> List[str]:
        written = self._definition.get("written")
        if written:
            from amlet.sdk.dataset.writing import ENDINGS

            return ["part-00000" + ENDINGS[written["form"]]]
        return [file.relative for file in self._files()]

    def _write_to(self, folder: Path) -> Path:
        """Write the file of a table; whole under its name."""
        from amlet.sdk.dataset.notes import Notes
        from amlet.sdk.dataset.reading import read_blocks
        from amlet.sdk.dataset.writing import write_file

        written = self._definition["written"]
        place = folder / self._relative_paths()[0]
        partial = folder / f".amlet-{os.urandom(8).hex()}.part"
        notes = Notes()
        try:
            blocks = read_blocks(self._sources, written["of"], notes)
            write_file(blocks, partial, written["form"], separator=written.get("separator", ","))
            partial.replace(place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        notes.tell()
        return place

    def _unnamed(self) -> Any:
        return self.as_named_input(f"input_{os.urandom(4).hex()}")


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.parent / f".amlet-{os.urandom(8).hex()}.part"
    try:
        shutil.copyfile(source, partial)
        partial.replace(place)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
