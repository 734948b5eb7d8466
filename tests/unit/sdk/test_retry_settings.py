"""Priority and retries of a run configuration: checked, sent, and kept in its file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.experiment import Experiment
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_check import setting_faults
from amlet.sdk.script_run_config import ScriptRunConfig


def test_the_job_has_the_priority_and_the_retries(experiment: Experiment, tmp_path: Path, held: Any) -> None:
    (tmp_path / "train.py").write_text("print('hi')")
    config = ScriptRunConfig(tmp_path, "train.py")
    config.run_config.environment.python.user_managed_dependencies = True
    config.run_config.environment.python.interpreter_path = sys.executable
    config.run_config.priority, config.run_config.retries, config.run_config.retry_codes = 7, 2, [75, 3, 75]

    experiment.submit(config)

    job = held.client.runs.submitted[-1].job
    assert (job.priority, job.retries, job.retry_codes) == (7, 2, [3, 75])
    assert job.definition["priority"] == 7


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"retries": -1}, "retries"),
        ({"retries": 101}, "retries"),
        ({"retries": "2"}, "retries"),
        ({"retries": True}, "retries"),
        ({"priority": 1.5}, "priority"),
        ({"retries": 1, "retry_codes": [0]}, "retry_codes"),
        ({"retries": 1, "retry_codes": ["3"]}, "retry_codes"),
        ({"retries": 1, "retry_codes": 3}, "retry_codes"),
        ({"retry_codes": [3]}, "retry_codes"),
    ],
)
def test_what_cannot_be_is_named(changes: Any, path: str) -> None:
    config = RunConfiguration()
    for name, value in changes.items():
        setattr(config, name, value)

    assert [fault.path for fault in setting_faults(config)] == [path]


def test_a_file_keeps_them(tmp_path: Path) -> None:
    config = RunConfiguration()
    config.retries, config.retry_codes, config.priority = 2, [75], 4
    config.save(tmp_path / "run.yml")

    found = RunConfiguration.load(tmp_path / "run.yml")

    assert "retryCodes:" in (tmp_path / "run.yml").read_text()
    assert (found.retries, found.retry_codes, found.priority) == (2, [75], 4)
