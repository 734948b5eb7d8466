"""A process is known by more than its pid."""

from __future__ import annotations

import os

from amlet.runtime.process import ProcessMark, mark_of


def test_this_process_is_alive_and_its_double_is_not() -> None:
    mark = mark_of()
    assert mark.pid == os.getpid()
    assert mark.is_alive()
    assert not mark._replace(started=mark.started - 1).is_alive()
    assert not mark._replace(boot_id="another boot").is_alive()
    assert not ProcessMark(2**22 + 1, mark.started, mark.boot_id).is_alive()
