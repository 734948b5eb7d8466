"""Saving what the server sends: to a temporary name, then renamed, so that no cut file is ever seen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Optional, Union

from amlet.base.errors import StorageFailed, Unavailable
from amlet.client.body import Body

TRIES = 5
"""How often a download may break with nothing gained before that is an error."""

Reopen = Callable[[int], Body]
"""Opens the body from a byte offset on."""


def download(
    source: Union[Body, Reopen], target: Path, *, progress: Optional[Callable[[int, Optional[int]], None]] = None
) -> int:
    """Save a body as a file; its folder is made. What was there before is replaced, and stays if this fails.

    Args:
        source: A body; or what opens one from an offset, and then a broken download goes on where it broke:
            `lambda offset: client.runs.file(workspace_id, run_id, FileQuery(path, offset))`.
        progress: Called with the bytes so far and those in all, if known.

    Returns:
        The size in bytes.

    Raises:
        Unavailable: the connection broke, too often if it could go on.
        StorageFailed: the file cannot be written.
    """
    temporary = target.parent / f".amlet-{os.urandom(6).hex()}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            size = _save(source, temporary, progress)
            temporary.replace(target)
        except BaseException:
            if temporary.exists():
                temporary.unlink()
            raise
    except OSError as error:
        raise StorageFailed.from_os_error(error, target) from error
    return size


def _save(
    source: Union[Body, Reopen], temporary: Path, progress: Optional[Callable[[int, Optional[int]], None]]
) -> int:
    size, tries_left = 0, TRIES
    with temporary.open("xb") as file:
        while True:
            before = size
            try:
                with source if isinstance(source, Body) else source(size) as body:
                    for chunk in body.chunks():
                        file.write(chunk)
                        size += len(chunk)
                        if progress is not None:
                            progress(size, body.total_bytes)
                return size
            except Unavailable:
                tries_left = TRIES if size > before else tries_left - 1
                if isinstance(source, Body) or not tries_left:
                    raise
