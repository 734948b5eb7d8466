"""What a worker's processes run: one batch of tasks, from bytes to bytes."""

from __future__ import annotations

import pickle
import sys
import time
import weakref
from typing import Any, List, Tuple

from amlet.runtime.joblib_nodes import arrays

_mapped: Any = weakref.WeakValueDictionary()


class ArrayGone(Exception):
    """An array that a task names is not there: the task is to run elsewhere."""


def run(data: bytes, folder: str, path: List[str]) -> Tuple[bool, bytes]:
    """Run a batch.

    Args:
        data: The batch, pickled by `arrays`.
        folder: Where this node keeps arrays, read-only maps of which the tasks get.
        path: Where the script finds its own modules.

    Returns:
        Whether it ended well; its result, or the exception that ended it, as bytes.

    Raises:
        ArrayGone: see there.
    """
    for place in path:
        if place not in sys.path:
            sys.path.append(place)
    try:
        batch = arrays.loads(data, lambda digest: _array(folder, digest))
        return True, arrays.cloudpickle().dumps(batch(), protocol=pickle.HIGHEST_PROTOCOL)
    except ArrayGone:
        raise
    except BaseException as error:  # noqa: BLE001 - the script gets it, whatever it is
        return False, _told(error)


def _array(folder: str, digest: str) -> Any:
    import numpy as np

    found = _mapped.get(digest)
    if found is None:
        try:
            found = np.load(f"{folder}/{digest}", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ArrayGone(digest) from error
        _mapped[digest] = found
    return found


def _told(error: BaseException) -> bytes:
    """An exception with its traceback, as loky sends it."""
    from joblib.externals.loky.process_executor import _ExceptionWithTraceback

    try:
        return bytes(arrays.cloudpickle().dumps(_ExceptionWithTraceback(error)))
    except Exception as trouble:  # noqa: BLE001 - an exception of the user's that cannot be pickled
        text = f"{type(error).__name__}: {error} (it cannot be pickled: {trouble})"
        return pickle.dumps(pickle.PicklingError(text))


def nothing(seconds: float) -> None:
    """Keeps a process for a moment, so that another one is started beside it."""
    time.sleep(seconds)
