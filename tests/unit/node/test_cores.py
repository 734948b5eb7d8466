"""Cores of jobs: each goes to one at a time."""

from __future__ import annotations

import os
import threading
from collections import Counter

import pytest

from amlet.node.cores import take_cores

HERE = os.sched_getaffinity(0)
several = pytest.mark.skipif(len(HERE) < 2, reason="a machine of one core has nothing to divide")


@several
def test_two_jobs_have_cores_of_their_own_until_they_let_them_go(tmp_path):
    first, second = take_cores(1, folder=tmp_path / "cores"), take_cores(1, folder=tmp_path / "cores")

    assert first is not None
    assert second is not None
    assert len(first.numbers) == len(second.numbers) == 1
    assert not first.numbers & second.numbers
    first.release()
    third = take_cores(1, folder=tmp_path / "cores")
    assert third is not None
    assert third.numbers == first.numbers
    second.release()
    third.release()


@several
def test_with_too_few_left_each_is_shared_by_as_few_as_can_be(tmp_path):
    taken = [take_cores(1, folder=tmp_path / "cores") for _ in range(3 * len(HERE))]

    assert all(cores is not None and len(cores.numbers) == 1 for cores in taken)
    assert Counter(number for cores in taken if cores for number in cores.numbers) == dict.fromkeys(HERE, 3)
    for cores in taken:
        assert cores is not None
        cores.release()


def test_a_share_of_the_whole_machine_takes_no_locks(tmp_path):
    cores = take_cores(len(HERE), folder=tmp_path / "cores")

    assert cores is not None
    assert cores.numbers == HERE
    assert not (tmp_path / "cores").exists()


@several
def test_what_a_thread_starts_meanwhile_has_the_cores_and_the_thread_has_its_own_again(tmp_path):
    cores = take_cores(1, folder=tmp_path / "cores")
    assert cores is not None
    seen = []

    def work():
        with cores.inherited():
            seen.append(os.sched_getaffinity(0))
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    cores.release()

    assert seen == [cores.numbers, HERE]
    assert os.sched_getaffinity(0) == HERE


@several
def test_a_folder_that_is_no_folder_of_ours_binds_nothing(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cores").symlink_to(tmp_path / "elsewhere")

    assert take_cores(1, folder=tmp_path / "cores") is None
    assert take_cores(1, folder=tmp_path / "missing" / "cores") is None
