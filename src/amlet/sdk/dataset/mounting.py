"""A dataset's files under a folder: links to what is on this machine, and to a cache of what is elsewhere."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from amlet.sdk.exceptions import UserErrorException

if TYPE_CHECKING:
    from amlet.sdk.dataset.file_dataset import FileDataset


class MountContext:
    """The files are there between `start` and `stop`, or inside a `with`.

    Args:
        mount_point: A folder that is empty or not there; a temporary one by default.
    """

    def __init__(self, dataset: FileDataset, mount_point: Optional[str] = None) -> None:
        self._dataset = dataset
        self._is_own = mount_point is None
        self._point = Path(mount_point) if mount_point is not None else None
        self._is_started = False
        self._remove = False

    @property
    def mount_point(self) -> str:
        """The folder."""
        if self._point is None:
            self._point = Path(tempfile.mkdtemp(prefix="amlet-mount-"))
        return str(self._point)

    def start(self) -> None:
        """Put the files there.

        Raises:
            UserErrorException: the folder is not empty, or a file is gone.
        """
        if self._is_started:
            return
        point = Path(self.mount_point)
        if point.exists() and (not point.is_dir() or any(point.iterdir())):
            raise UserErrorException(f"The mount point {point} is not an empty folder.")
        made = not point.exists()
        point.mkdir(parents=True, exist_ok=True)
        try:
            self._fill(point)
        except BaseException:
            self._clear(point, remove=made or self._is_own)
            raise
        self._is_started = True
        self._remove = made or self._is_own

    def stop(self) -> None:
        """Take the files away again; the data stays."""
        if self._is_started:
            self._clear(Path(self.mount_point), remove=self._remove)
            self._is_started = False

    def __enter__(self) -> MountContext:
        self.start()
        return self

    def __exit__(self, *reason: Any) -> None:
        self.stop()

    def _fill(self, point: Path) -> None:
        from amlet.sdk.dataset.files import local_folder, open_files

        dataset = self._dataset
        if dataset._definition.get("written"):
            dataset._write_to(point)
            return
        folder = None if dataset._definition.get("steps") else local_folder(dataset._sources)
        if folder is not None:
            for child in folder.iterdir():
                (point / child.name).symlink_to(child.resolve())
            return
        files = dataset._files()
        for file, held in zip(files, open_files(files, dataset._sources.workspace)):
            place = point / file.relative
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(held.resolve())

    @staticmethod
    def _clear(point: Path, *, remove: bool) -> None:
        for child in list(point.iterdir()) if point.is_dir() else []:
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child, ignore_errors=True)
            else:
                child.unlink(missing_ok=True)
        if remove and point.is_dir():
            point.rmdir()
