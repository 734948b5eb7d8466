"""The sources of a run: taken, restored, and the environment they ran in (v1-behaviours 7.9, 7.10)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, Union

from amlet.base.errors import Conflict
from amlet.domain.artifact import PACK_LIMIT_BYTES, Entry
from amlet.domain.run import SNAPSHOT
from amlet.sdk.exceptions import SnapshotException, UserErrorException, as_v1
from amlet.sdk.run_base import RunBase

if TYPE_CHECKING:
    import zipfile

    from amlet.sdk.environment import Environment

PACK_FILES = 1000
_EARLIEST = (1980, 1, 1, 0, 0, 0)


class RunSnapshots(RunBase):
    """The sources of a run."""

    def get_snapshot_id(self) -> Optional[str]:
        """The id of the source folder as it was submitted; None when there is none."""
        self._await_facts()
        found = self._known.properties.get(SNAPSHOT)
        return found if found is not None else self._load().run.properties.get(SNAPSHOT)

    def take_snapshot(self, file_or_folder_path: Union[str, Path]) -> str:
        """Keep a folder, or one file, as the sources of the run.

        Returns:
            The snapshot's id.

        Raises:
            SnapshotException: if the run has one already.
        """
        from amlet.sdk.run_facts import take_snapshot

        held = self.get_snapshot_id()
        if held is not None:
            raise SnapshotException(
                f"Run {self._run_id} has the snapshot {held} already; it cannot have another.",
                hint="start_logging(snapshot_directory=None) leaves it to take_snapshot.",
            )
        try:
            with as_v1(SnapshotException):
                found = take_snapshot(self, Path(file_or_folder_path))
        except Conflict as error:
            raise SnapshotException(error.message, hint=error.hint) from error
        self._load()
        return found

    def restore_snapshot(self, snapshot_id: Optional[str] = None, path: Optional[Union[str, Path]] = None) -> str:
        """Save the sources of the run as a zip.

        Args:
            snapshot_id: The run's own, if any.
            path: The folder for the zip; default the temporary one.

        Returns:
            The path of `<snapshot id>.zip`. It is not unpacked.
        """
        import tempfile
        import zipfile

        own = self.get_snapshot_id()
        if own is None:
            raise UserErrorException(
                f"Run {self._run_id} has no snapshot.", hint="an interactive run takes one with take_snapshot(path)."
            )
        if snapshot_id not in (None, own):
            raise UserErrorException(
                f"Run {self._run_id} has the snapshot {own}, not {snapshot_id}.", hint="ask the run it belongs to."
            )
        folder = Path(path) if path is not None else Path(tempfile.gettempdir())
        target = folder / f"{own}.zip"
        partial = folder / f".{own}.{os.getpid()}.part"
        with as_v1(SnapshotException):
            held = self._connection
            entries = held.client.runs.snapshot(held.workspace_id, self._run_id).entries
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
                    self._fill(archive, entries)
                partial.replace(target)
            except OSError as error:
                raise SnapshotException(f"The snapshot cannot be saved as {target}: {error}.") from error
            finally:
                if partial.exists():
                    partial.unlink()
        return str(target)

    def get_environment(self) -> Environment:
        """The environment that the run was submitted with.

        Raises:
            UserErrorException: if there is none, as for an interactive run.
        """
        from amlet.sdk.environment import Environment

        job = self._load().job
        if job is None:
            raise UserErrorException(
                f"Run {self._run_id} has no environment: it was not submitted.",
                hint="properties['amlet.python'] and system_logs/packages.txt say what it ran in.",
            )
        return Environment._from_spec(job.environment)

    def _await_facts(self) -> None:
        """Wait for what is said of the run beside it."""

    def _fill(self, archive: zipfile.ZipFile, entries: List[Entry]) -> None:
        small: Dict[str, List[Entry]] = {}
        for entry in entries:
            if entry.size_bytes < PACK_LIMIT_BYTES:
                small.setdefault(entry.sha256, []).append(entry)
        for sha256, data in self._small_blobs(list(small)):
            for entry in small[sha256]:
                archive.writestr(_info(entry), data)
        held = self._connection
        for entry in entries:
            if entry.size_bytes >= PACK_LIMIT_BYTES:
                asked = held.client.blobs.get(held.workspace_id, entry.sha256)
                with asked as body, archive.open(_info(entry), "w", force_zip64=True) as file:
                    for chunk in body.chunks():
                        file.write(chunk)

    def _small_blobs(self, hashes: List[str]) -> Iterator[Tuple[str, bytes]]:
        from amlet.wire.files import Hashes
        from amlet.wire.packs import read_pack

        held = self._connection
        for start in range(0, len(hashes), PACK_FILES):
            asked = Hashes(hashes[start : start + PACK_FILES])
            with held.client.blobs.get_pack(held.workspace_id, asked) as body:
                yield from read_pack(body.chunks())


def _info(entry: Entry) -> Any:
    import zipfile

    info = zipfile.ZipInfo(entry.path, _EARLIEST)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100755 if entry.executable else 0o100644) << 16
    return info
