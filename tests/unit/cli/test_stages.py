"""The lines of a run's stages."""

from __future__ import annotations

import io

import pytest

from amlet.cli.live_line import LiveLine
from amlet.cli.stages import StageLines, failed_stage
from amlet.cli.terminal import Terminal
from amlet.domain.run import CANCELED, COMPLETED, FAILED, FINALIZING, RunError


@pytest.fixture
def told():
    return io.StringIO()


@pytest.fixture
def lines(told):
    terminal = Terminal(told, {})
    return StageLines(terminal, LiveLine(terminal))


def test_each_stage_is_told_once_when_it_has_ended(lines, told, make_run, make_stage):
    submitted, prepared = make_stage("submit", 0.1), make_stage("prepare", 0.3, "cache hit")
    lines.show(make_run(stages=[submitted, make_stage("prepare", None)]))
    lines.show(make_run(stages=[submitted, prepared, make_stage("scale", None)]))
    assert told.getvalue().splitlines() == ["  ✓ submit    0.1 s", "  ✓ prepare   0.3 s      cache hit"]


def test_the_run_stage_waits_for_how_it_went(lines, told, make_run, make_stage):
    stages = [make_stage("run", 2), make_stage("finish", None)]
    lines.show(make_run(status=FINALIZING, stages=stages))
    assert told.getvalue() == ""
    lines.show(make_run(status=FAILED, stages=[stages[0], make_stage("finish", 0.1)]))
    assert told.getvalue().splitlines() == ["  ✗ run       2.0 s", "  ✓ finish    0.1 s"]


def test_a_run_that_lost_its_node_shows_both_tries(lines, told, make_run, make_stage):
    names = ["run", "scale", "run", "finish"]
    lines.show(make_run(status=COMPLETED, stages=[make_stage(name, 1) for name in names]))
    assert [line.split()[1] for line in told.getvalue().splitlines()] == names


@pytest.mark.parametrize(
    ("status", "code", "names", "expected"),
    [
        (COMPLETED, None, ["run", "finish"], None),
        (FAILED, "UserError", ["prepare"], "prepare"),
        (FAILED, "UserError", ["run", "finish"], "run"),
        (FAILED, "SystemError", ["run", "finish"], "finish"),
        (CANCELED, None, ["run"], "run"),
        (CANCELED, None, [], None),
    ],
)
def test_the_stage_that_failed_is_that_of_the_script_unless_amlet_failed(
    status, code, names, expected, make_run, make_stage
):
    error = RunError(code, "because") if code else None
    run = make_run(status=status, error=error, stages=[make_stage(name, 1) for name in names])
    failed = failed_stage(run)
    assert (failed.name if failed else None) == expected
