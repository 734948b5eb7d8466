"""A worker tied to the process that started it: on a machine that an engine lent, none may stay behind.

The death signal alone misses a starter that was gone before it was set; the end of a pipe alone comes late when
somebody else holds the pipe too. So both are used. And Ray kills the children of a process of its that ends, so that a
worker could not end its jobs: a guard stands between the two, and only that is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading

TETHERED = "AMLET_NODE_TETHERED"
"""Set for a worker whose standard input is a pipe that its starter holds for its life."""

_PR_SET_PDEATHSIG = 1


def leave_guard() -> None:
    """Return in a child of this process, which itself only waits for it, hands SIGTERM on, and ends as it did.

    Must be called before there are threads.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child:
        _guard(child)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the pipe does
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with_starter(ended: threading.Event) -> None:
    """From now on the end of the starter sets the event, as SIGTERM does."""
    threading.Thread(target=_wait_for_end, args=(ended,), name="tether", daemon=True).start()


def _guard(child: int) -> None:
    def pass_on(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _wait_for_end(ended: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    ended.set()
