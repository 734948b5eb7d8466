"""The memory of a job, as this process's own /proc tells it."""

from __future__ import annotations

import os

from amlet.node.memory import (
    MemoryWatch,
    Overrun,
    limit_of,
    machine_bytes,
    members_of,
    proportional_bytes,
    resident_bytes,
)
from amlet.runtime.process import mark_of


def test_this_process_is_a_member_of_its_own_job_and_holds_memory():
    own = os.getpid()

    assert own in members_of(own)
    assert 1 << 20 < proportional_bytes([own]) <= resident_bytes([own]) < machine_bytes()


def test_processes_that_are_gone_hold_nothing():
    assert resident_bytes([0, 1 << 30]) == 0
    assert proportional_bytes([1 << 30]) == 0


def test_a_share_of_nearly_all_is_left_to_the_kernel():
    assert limit_of(machine_bytes()) is None
    assert limit_of(machine_bytes() // 2) == machine_bytes() // 2


def test_a_watch_without_a_limit_only_looks():
    watch = MemoryWatch(mark_of(), None)
    watch.look()

    assert watch.peak_bytes > 1 << 20
    assert watch.overrun is None
    watch.close()


def test_the_sentence_tells_what_was_used_of_what():
    assert Overrun(1_300_000_000, 1_000_000_000).sentence.startswith(
        "The run was ended, out of memory: used 1.3 GB of 1.0 GB. "
    )
