"""./outputs of a job, sent by the script itself before its end, so that what it has just written is found at once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable, Dict, Tuple

from amlet.base.errors import AmletError, StaleAttempt, Unavailable
from amlet.sdk.local_files import LocalFiles, files_below

OUTPUTS = "outputs"

FLUSHED_BYTES = 16 << 20
"""`run.flush` waits for no larger file: the node brings those beside the script."""

TRIES = 5
PAUSE_S = 0.2
"""Between two tries to read files that something writes to."""

Send = Callable[[LocalFiles], None]


class JobOutputs:
    """The folder, and what was sent of it. One a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._flushed: Dict[str, Tuple[int, ...]] = {}

    def hand_in(self, path: str, send: Send) -> None:
        """Send the files at a path of the run, or all outputs when it is not below ./outputs.

        Files that change while they are read are read again.

        Raises:
            AmletError: they never stay as they are, or the server cannot be reached.
        """
        below = path.strip("/")
        below = below[2:] if below.startswith("./") else below
        parts = below.split("/")
        whole = parts[0] != OUTPUTS or ".." in parts or len(parts) == 1
        name = OUTPUTS if whole else below
        place = self._folder.joinpath(*([] if whole else parts[1:]))
        for tries_left in reversed(range(TRIES)):
            try:
                if place.exists():
                    found = files_below(place, name)
                    if found.entries:
                        send(found)
                return
            except AmletError as error:
                if not tries_left or isinstance(error, (Unavailable, StaleAttempt)):
                    raise
                time.sleep(PAUSE_S)

    def flush(self, send: Send) -> None:
        """Send small files that were written since the last time, each as it is now. What cannot be read follows later.

        Raises:
            AmletError: the server cannot be reached, or takes nothing more.
        """
        found = LocalFiles([], {})
        signatures: Dict[str, Tuple[int, ...]] = {}
        for parent, folders, names in os.walk(str(self._folder)):
            folders.sort()
            for file in sorted(names):
                path = Path(parent) / file
                name = f"{OUTPUTS}/{path.relative_to(self._folder).as_posix()}"
                try:
                    info = path.stat()
                    signature = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
                    if info.st_size > FLUSHED_BYTES or not path.is_file() or self._flushed.get(name) == signature:
                        continue
                    one = files_below(path, name)
                except (OSError, AmletError):
                    continue
                found.entries.extend(one.entries)
                found.sources.update(one.sources)
                signatures[name] = signature
        if found.entries:
            send(found)
            self._flushed.update(signatures)
