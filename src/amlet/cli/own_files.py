"""Files that a command writes into a user's folder: never over something else."""

from __future__ import annotations

import os
from pathlib import Path

from amlet.base.errors import StorageFailed


def write_new(path: Path, text: str) -> bool:
    """Write a file unless there is one; its folder is made.

    Returns:
        Whether it was written.

    Raises:
        StorageFailed: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() or path.is_symlink():
            return False
        try:
            temporary.write_text(text, "utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed.from_os_error(error, path) from error
    return True
