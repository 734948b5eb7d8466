"""Compile what lies below a folder, at the lowest priority: `python bytecode_child.py FOLDER`.

Run by the build's own interpreter, 3.8 and later, with nothing but the standard library. It ends when its standard
input does: whoever started it is gone then.
"""

from __future__ import annotations

import compileall
import os
import sys
import threading
from py_compile import PycInvalidationMode

LEFT_OUT = ("__pycache__", "tests")
"""Folders: no job imports a library's own tests, and they are half of what could be compiled."""


def main(folder: str) -> None:
    threading.Thread(target=_end_with_starter, daemon=True).start()
    _step_back()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            if name.endswith(".py"):
                _compile(os.path.join(place, name))  # noqa: PTH118 - a library may have names that are no text


def _compile(path: str) -> None:
    try:
        # Written to a new file and renamed: what a link shares with uv's cache is never written to.
        compileall.compile_file(path, quiet=2, invalidation_mode=PycInvalidationMode.TIMESTAMP)
    except Exception:  # noqa: BLE001 - libraries carry files of other Pythons, templates, and worse
        return


def _step_back() -> None:
    os.nice(19)
    try:
        # Takes only what nobody wants, of the disk too.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        return


def _end_with_starter() -> None:
    os.read(0, 1)  # not sys.stdin: its lock would be held when the interpreter ends
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
