"""Files of a run: upload, list, download (v1-behaviours 3.8-3.12)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, List, Optional, Sequence, Union

from amlet.base.paths import inside, relative_path
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.local_files import LocalFiles, files_below
from amlet.sdk.notice import given, warn_ignored
from amlet.sdk.run_base import RunBase

LOG_FOLDERS = ("azureml-logs/", "user_logs/", "logs/", "system_logs/")
DOWNLOADS = 4
"""Files downloaded at a time."""

PlaceOrStream = Union[str, Path, BinaryIO]


class RunFiles(RunBase):
    """The files of a run."""

    def get_file_names(self) -> List[str]:
        """The paths of all files of the run: its outputs, its logs, what was uploaded."""
        return sorted(file.path for file in self._load().files)

    def upload_file(self, name: str, path_or_stream: PlaceOrStream, datastore_name: Optional[str] = None) -> None:
        """Add one file to the run, in bounded memory.

        Args:
            name: Its path in the run: `outputs/model.joblib`.
            path_or_stream: A file, or a stream that is read to its end.

        Raises:
            UserErrorException: if the run has another file of that name, or the file cannot be read.
        """
        warn_ignored("Run.upload_file", given(datastore_name=datastore_name))
        self._upload([(name, path_or_stream)])

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Union[str, Path]],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> Optional[List[str]]:
        """Add several files to the run: all of them, or none.

        Returns:
            The names, if `return_artifacts` asks for them.

        Raises:
            TypeError: if there are more names than paths, or fewer (v1-behaviours 3.10).
        """
        warn_ignored("Run.upload_files", given(datastore_name=datastore_name, timeout_seconds=timeout_seconds))
        if isinstance(names, str) or isinstance(paths, (str, Path)) or len(names) != len(paths):
            raise TypeError(f"upload_files takes lists of one length, not {names!r} and {paths!r}."[:300])
        self._upload(list(zip(names, paths)))
        return list(names) if return_artifacts else None

    def upload_folder(self, name: str, path: Union[str, Path], datastore_name: Optional[str] = None) -> None:
        """Add all files below a folder to the run.

        Args:
            name: The folder in the run; `outputs` gives `outputs/model.joblib`.
            path: A folder of this machine.
        """
        warn_ignored("Run.upload_folder", given(datastore_name=datastore_name))
        folder = Path(path)
        if not folder.is_dir():
            raise UserErrorException(f"{folder} is not a folder that can be uploaded.", hint="use upload_file.")
        text = str(name).replace("\\", "/").strip("/")
        with as_v1():
            if text in ("", "."):
                found = [files_below(place, place.name) for place in sorted(folder.iterdir())]
                self._put(_joined(found))
            else:
                self._put(files_below(folder, label(text)))

    def download_file(
        self, name: str, output_file_path: Optional[Union[str, Path]] = None, _validate_checksum: bool = False
    ) -> None:
        """Save one file of the run.

        Args:
            name: Its path in the run: `outputs/model.joblib`.
            output_file_path: Where to: a file, or a folder (one that exists, or a path that ends with `/`), which
                gets the file under its own name. Default: its own name, here.

        Raises:
            UserErrorException: if the run has no such file.
        """
        own_name = name.rpartition("/")[2]
        text = str(output_file_path) if output_file_path is not None else own_name
        target = Path(text)
        if text.endswith("/") or target.is_dir():
            target = target / own_name
        self._save(name, target)

    def download_files(
        self,
        prefix: Optional[str] = None,
        output_directory: Optional[Union[str, Path]] = None,
        output_paths: Optional[Sequence[Union[str, Path]]] = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: Optional[int] = None,
    ) -> None:
        """Save all files of the run whose paths begin so.

        Args:
            prefix: The folder `outputs`, or the beginning of paths; None takes all files.
            output_directory: Where to; default: here.
            output_paths: A path for each file, in the order of their names.
            append_prefix: Keep the whole path below `output_directory`; else without the prefix.

        Raises:
            UserErrorException: if no file begins so, or `output_paths` are not as many as the files.
        """
        from concurrent.futures import ThreadPoolExecutor

        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        if not names:
            raise UserErrorException(
                f"No file of run {self._run_id} begins with {prefix!r}.",
                hint=f"its files: {', '.join(self.get_file_names()[:30]) or 'none'}.",
            )
        base = Path(output_directory) if output_directory is not None else Path()
        if output_paths is not None:
            if len(output_paths) != len(names):
                raise UserErrorException(
                    f"{len(output_paths)} output_paths are given for {len(names)} files: {', '.join(names[:30])}."
                )
            targets = [base / path for path in output_paths]
        else:
            cut = "" if append_prefix else prefix or ""
            with as_v1():
                targets = [inside(base, _without(name, cut)) for name in names]
        with ThreadPoolExecutor(min(DOWNLOADS, len(names))) as pool:
            for _ in pool.map(self._save, names, targets):
                pass

    def get_all_logs(self, destination: Optional[Union[str, Path]] = None) -> List[str]:
        """Save all logs of the run.

        Args:
            destination: A folder; default `assets/<run id>`, here.

        Returns:
            The paths of the files written.
        """
        folder = Path(destination) if destination is not None else Path("assets", self._run_id)
        written = []
        for name in self.get_file_names():
            if name.startswith(LOG_FOLDERS):
                target = inside(folder, name)
                self._save(name, target)
                written.append(str(target))
        return written

    def _save(self, name: str, target: Path) -> None:
        from amlet.client.downloads import download
        from amlet.sdk.progress import Progress

        with as_v1(), Progress("downloading") as progress:
            download(lambda offset: self._open_file(name, offset), target, progress=progress)

    def _read_file(self, name: str) -> bytes:
        with as_v1(), self._open_file(name) as body:
            return b"".join(body.chunks())

    def _upload(self, asked: Sequence[Any]) -> None:
        import tempfile

        with as_v1(), tempfile.TemporaryDirectory(prefix="amlet-") as spool:
            found = []
            for number, (name, place) in enumerate(asked):
                if hasattr(place, "read"):
                    place = _spooled(place, Path(spool, str(number)))
                path = Path(place)
                if not path.is_file():
                    what = "is a folder: use upload_folder" if path.is_dir() else "is not there"
                    raise UserErrorException(f"{path} {what}.", hint="give the path of a file, or an open stream.")
                found.append(files_below(path, label(name)))
            self._put(_joined(found))


def label(name: Any) -> str:
    """What the user calls a file of the run, as its path there: `./outputs/x` is `outputs/x`.

    Raises:
        InvalidInput: for what can be none.
    """
    text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else str(name)
    while text.startswith("./"):
        text = text[2:].lstrip("/")
    return relative_path(text)


def _without(name: str, prefix: str) -> str:
    """`outputs/deep/m` without `outputs` is `deep/m`; `outputs/model.pkl` without `outputs/mod` is `model.pkl`."""
    folder = prefix.rstrip("/") + "/" if prefix and name.startswith(prefix.rstrip("/") + "/") else prefix
    return name[folder.rfind("/") + 1 :]


def _joined(found: Sequence[LocalFiles]) -> LocalFiles:
    return LocalFiles(
        [entry for files in found for entry in files.entries],
        {sha256: source for files in found for sha256, source in files.sources.items()},
    )


def _spooled(stream: Any, place: Path) -> Path:
    with place.open("wb") as file:
        while True:
            piece = stream.read(1 << 20)
            if not piece:
                return place
            file.write(piece.encode("utf-8") if isinstance(piece, str) else piece)
