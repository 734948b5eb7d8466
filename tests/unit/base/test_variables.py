"""What processes inherit."""

from __future__ import annotations

import pytest

from amlet.base.variables import job_environment, own_environment


def test_a_job_does_not_see_the_logins_of_package_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {
        "UV_INDEX_TEAM_PASSWORD": "hunter2",
        "UV_DEFAULT_INDEX": "https://me:hunter2@index.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://hunter2@index.example/simple",
        "UV_INDEX": "https://index.example/simple",
        "DATABASE": "https://me:mine@example",
    }.items():
        monkeypatch.setenv(key, value)
    seen = job_environment()
    assert "hunter2" not in str(seen)
    assert (seen["UV_INDEX"], seen["DATABASE"]) == ("https://index.example/simple", "https://me:mine@example")
    assert own_environment()["UV_INDEX_TEAM_PASSWORD"] == "hunter2"  # a node builds with it


def test_no_process_of_ours_inherits_what_belongs_to_a_job_or_to_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("AZUREML_RUN_ID", "AMLET_TOKEN", "PYTHONPATH", "AMLET_JOURNAL_DIR"):
        monkeypatch.setenv(key, "x")
    assert not {"AZUREML_RUN_ID", "AMLET_TOKEN", "PYTHONPATH", "AMLET_JOURNAL_DIR"} & own_environment().keys()
