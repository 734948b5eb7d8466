"""Work that this process does in the background for its user, with its state in a file of AMLET_HOME."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict

from amlet.runtime.process import ProcessMark, mark_of

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"
POLL_S = 0.1


class LocalWork:
    """One piece of work: a JSON file with its `state`, its `error`, and what else belongs to it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Dict[str, Any]:
        """The record as it is now; `Failed` when its process ended before it did.

        Raises:
            FileNotFoundError: if there is none.
        """
        found: Dict[str, Any] = json.loads(self._path.read_bytes())
        if found["state"] == RUNNING and not ProcessMark(*found["process"]).is_alive():
            # It may have ended well between the two looks.
            found = json.loads(self._path.read_bytes())
            if found["state"] == RUNNING:
                return {**found, "state": FAILED, "error": "The process that it went on in has ended."}
        return found

    def note(self, record: Dict[str, Any]) -> None:
        """Write the record."""
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        part.write_text(json.dumps(record))
        part.replace(self._path)

    def start(self, record: Dict[str, Any], do: Callable[[], Dict[str, Any]]) -> None:
        """Do it on a thread of its own, which this process waits for at its end.

        Args:
            do: Gives what the record is to have beside `state` when it is over; `error` in it makes it `Failed`.
        """
        begun = {**record, "state": RUNNING, "error": None, "process": list(mark_of())}
        self.note(begun)

        def run() -> None:
            try:
                found = do()
            except Exception as error:  # noqa: BLE001 - whatever it is, who waits is to be told
                found = {"error": getattr(error, "message", None) or str(error) or type(error).__name__}
            self.note({**begun, "error": None, **found, "state": FAILED if found.get("error") else SUCCEEDED})

        threading.Thread(target=run, name=f"work-{self._path.stem}").start()


def wait_until_over(look: Callable[[], str]) -> None:
    """Ask for a state until it is no longer `Running`."""
    while look() == RUNNING:
        time.sleep(POLL_S)
