"""Files of this machine as entries that can be sent: a run's outputs, a model's files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple, Union

from amlet.base.errors import StorageFailed
from amlet.base.hashing import sha256_stream
from amlet.domain.artifact import Entry


class LocalFiles(NamedTuple):
    """Entries, and where the bytes of each lie: path and size by sha256."""

    entries: List[Entry]
    sources: Dict[str, Tuple[Union[str, Path], int]]


def files_below(place: Path, name: str, *, since: float = 0.0) -> LocalFiles:
    """A file, or all regular files of a folder, hashed.

    Args:
        place: The file or folder. Links are followed to files, not to folders.
        name: What the file is called, or the folder its files lie below: `outputs` gives `outputs/model.joblib`.
        since: Leave out files not changed since then, in seconds since the epoch.
    """
    entries: List[Entry] = []
    sources: Dict[str, Tuple[Union[str, Path], int]] = {}
    for path in [place] if place.is_file() else _walk(place):
        label = name if path == place else f"{name}/{path.relative_to(place).as_posix()}"
        try:
            if since and path.stat().st_mtime < since:
                continue
            with path.open("rb") as stream:
                sha256, size = sha256_stream(stream)
        except OSError as error:
            raise StorageFailed(f"Cannot read {path}: {error.strerror}.") from error
        entries.append(Entry(label, sha256, size, os.access(path, os.X_OK)))
        sources[sha256] = (str(path), size)
    return LocalFiles(entries, sources)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file():
                yield path
