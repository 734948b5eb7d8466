"""Folders of this machine's become folders of a datastore, for datasets that are made of data at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Optional, Tuple

from amlet.base.ids import uuid4_text
from amlet.domain.data import DataPath, clean_path, matcher
from amlet.sdk.dataset.sources import read_sources
from amlet.sdk.exceptions import UserErrorException


def target_of(target: Any) -> Tuple[DataPath, Any]:
    """A folder on a datastore, and the datastore's workspace.

    Raises:
        UserErrorException: it is none.
    """
    found = read_sources(target)
    if len(found.paths) != 1 or found.workspace is None or found.paths[0].datastore is None:
        raise UserErrorException(
            f"{target!r} is no folder on a datastore.", hint="give (datastore, 'path') or DataPath(datastore, 'path')."
        )
    return found.paths[0], found.workspace


def upload_folder(
    folder: Path,
    target: Any,
    *,
    own_folder: bool = True,
    pattern: Optional[str] = None,
    overwrite: bool = False,
    show_progress: bool = True,
) -> Tuple[DataPath, Any]:
    """Bring all files of a folder to a datastore.

    Args:
        own_folder: They get a new folder below the target.
        pattern: Only files whose path below the folder, or name, matches.

    Returns:
        Where they are, and the workspace.
    """
    from amlet.sdk.datastore_files import upload
    from amlet.sdk.transfer_lines import TransferLines

    place, workspace = target_of(target)
    base = clean_path(f"{place.path}/{uuid4_text()}" if own_folder else place.path)
    files: List[Tuple[Path, str]] = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = file.relative_to(folder).as_posix()
        if pattern and not (matcher(pattern).fullmatch(relative) or matcher(pattern).fullmatch(file.name)):
            continue
        files.append((file, clean_path(f"{base}/{relative}")))
    if not files:
        what = f"no file that matches {pattern!r}" if pattern else "no file"
        raise UserErrorException(f"In {folder} there is {what}.")
    assert place.datastore is not None
    with TransferLines("Upload", len(files), shown=show_progress) as lines:
        done = upload(
            workspace,
            place.datastore,
            files,
            overwrite=overwrite,
            told=lines.through,
            progress=lines.progress,
            skipped=lines.skips,
        )
        lines.ends(len(done.written))
    return DataPath(place.datastore, base), workspace
