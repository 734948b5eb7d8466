"""How a followed run ends."""

from __future__ import annotations

import io

import pytest

from amlet.cli import following
from amlet.cli.terminal import Terminal
from amlet.cli.values import metric_text
from amlet.domain.run import CANCELED, COMPLETED, FAILED, RunError


@pytest.mark.parametrize(
    ("status", "script_code", "expected"),
    [
        (COMPLETED, 0, 0),
        (FAILED, 3, 3),
        (FAILED, -9, 137),
        (FAILED, None, 1),
        (FAILED, 0, 1),
        (FAILED, 256, 1),
        (CANCELED, None, 1),
    ],
)
def test_the_exit_code_is_the_scripts(make_run, status, script_code, expected):
    error = RunError("UserError", "because", exit_code=script_code) if status == FAILED else None
    assert following.exit_code(make_run(status=status, error=error)) == expected


@pytest.mark.parametrize(("stage", "command"), [("prepare", "amlet logs --build"), ("run", "amlet logs iris")])
def test_a_failed_run_is_told_with_the_log_that_explains_it(make_run, make_stage, stage, command):
    out = io.StringIO()
    run = make_run(status=FAILED, error=RunError("UserError", "because"), stages=[make_stage(stage, 1)])
    following.tell_end(Terminal(out, {}), run)
    assert "error: because" in out.getvalue()
    assert command in out.getvalue()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.98, "0.98"),
        ("linear", "linear"),
        ([1, 2], "[1, 2]"),
        (list(range(12)), "0 ... 11 (12 values)"),
        ({"x": 1, "y": "a"}, "x: 1; y: a"),
        ({"x": [1, 2, 3], "y": [4, 5, 6]}, "x: 1 ... 3; y: 4 ... 6 (3 rows)"),
        ([], "[]"),
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_a_metric_is_one_line(value, expected):
    assert metric_text(value) == expected
