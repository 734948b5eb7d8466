"""A node whose server never comes back."""

from __future__ import annotations

import os
import threading

from amlet.node.orphan import Orphan


def test_a_node_that_nobody_looks_after_ends_itself(tmp_path):
    tended = tmp_path / "tended"
    tended.touch()
    ended = threading.Event()

    Orphan(tended, ended, after_s=0.01).start()

    assert ended.wait(10)


def test_a_node_that_is_looked_after_goes_on_whatever_the_clock_says(tmp_path):
    tended = tmp_path / "tended"
    tended.touch()
    os.utime(tended, (0, 0))
    ended = threading.Event()
    orphan = Orphan(tended, ended, after_s=60)

    orphan.start()

    assert orphan.is_alive() and not ended.is_set()
    ended.set()
    orphan.join(10)
    assert not orphan.is_alive()
