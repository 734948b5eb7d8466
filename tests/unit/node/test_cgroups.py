"""Control groups: what is written where. The kernel's own files are plain ones here."""

from __future__ import annotations

import os
from pathlib import Path

from amlet.domain.job import Share
from amlet.node.cgroups import VARIABLE, make_cgroup

SHARE = Share(2, 1 << 30)
NAMED = {VARIABLE: "/service.slice/jobs"}


def _v2(root: Path) -> Path:
    parent = root / "service.slice" / "jobs"
    parent.mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory")
    return parent


def test_a_group_of_version_2_has_the_limits_of_the_share(tmp_path):
    parent = _v2(tmp_path)

    group = make_cgroup("a1", SHARE, memory_bytes=1 << 30, variables=NAMED, root=tmp_path)

    assert group is not None
    group.add(4711)
    written = {path.name: path.read_text() for path in (parent / "amlet-a1").iterdir()}
    assert written == {
        "memory.max": str(1 << 30),
        "memory.oom.group": "1",
        "cpu.max": "200000 100000",
        "cgroup.procs": "4711",
    }
    assert (parent / "cgroup.subtree_control").read_text() == "+memory +cpu"


def test_a_group_of_version_1_has_a_folder_a_controller(tmp_path):
    for controller in ("memory", "cpu"):
        (tmp_path / controller / "service.slice" / "jobs").mkdir(parents=True)

    group = make_cgroup("a1", SHARE, memory_bytes=None, variables=NAMED, root=tmp_path)

    assert group is not None
    group.add(4711)
    memory, cpu = (tmp_path / name / "service.slice" / "jobs" / "amlet-a1" for name in ("memory", "cpu"))
    assert (memory / "memory.limit_in_bytes").read_text() == "-1"
    assert (cpu / "cpu.cfs_quota_us").read_text() == "200000"
    assert {folder.name for folder in (memory, cpu) if (folder / "cgroup.procs").read_text() == "4711"} == {"amlet-a1"}


def test_the_kernels_kills_are_counted_from_the_start_of_the_job(tmp_path):
    parent = _v2(tmp_path)
    (parent / "amlet-a1").mkdir()
    events = parent / "amlet-a1" / "memory.events"
    events.write_text("low 0\noom 4\noom_kill 3\n")
    group = make_cgroup("a1", SHARE, memory_bytes=1, variables=NAMED, root=tmp_path)

    assert group is not None
    assert group.kills == 0
    events.write_text("low 0\noom 4\noom_kill 5\n")
    assert group.kills == 2


def test_no_group_is_made_where_none_was_handed_over(tmp_path):
    _v2(tmp_path)

    assert make_cgroup("a1", SHARE, memory_bytes=1, variables={}, root=tmp_path) is None
    missing = {VARIABLE: "/elsewhere"}
    assert make_cgroup("a1", SHARE, memory_bytes=1, variables=missing, root=tmp_path) is None


def test_a_group_goes_with_its_job_and_one_left_by_a_killed_node_goes_with_a_later_one(tmp_path):
    parent = _v2(tmp_path)
    left, young = parent / "amlet-left", parent / "amlet-young"
    for folder in (left, young):
        folder.mkdir()
    os.utime(left, (1, 1))

    group = make_cgroup("a1", SHARE, memory_bytes=1, variables=NAMED, root=tmp_path)

    assert group is not None
    assert [path.name for path in sorted(parent.glob("amlet-*"))] == ["amlet-a1", "amlet-young"]
    for path in (parent / "amlet-a1").iterdir():
        path.unlink()  # the kernel's files go with their folder
    group.remove()
    group.remove()
    assert not (parent / "amlet-a1").exists()
