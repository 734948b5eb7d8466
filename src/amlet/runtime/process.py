"""Which process: a pid alone is used again, so it is named together with its start time and the machine's boot."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional

from amlet.base.machine import boot_id


class ProcessMark(NamedTuple):
    """One process of one boot of one machine, for as long as anyone may ask."""

    pid: int
    started: int
    """Clock ticks from boot to the start of the process; 0 where the system does not tell."""
    boot_id: str
    """Empty where the system does not tell."""

    def is_alive(self) -> bool:
        """Whether this very process still runs here. A zombie is not alive."""
        return self.boot_id == boot_id() and _start_ticks(self.pid) == self.started


def mark_of(pid: Optional[int] = None) -> ProcessMark:
    """The mark of a process, by default of this one."""
    number = os.getpid() if pid is None else pid
    return ProcessMark(number, _start_ticks(number) or 0, boot_id())


def _start_ticks(pid: int) -> Optional[int]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            # The name stands in parentheses and may itself hold blanks and parentheses.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
