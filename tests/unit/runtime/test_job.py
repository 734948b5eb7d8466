"""A job's variables are read as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.runtime.job import JobContext

CONTEXT = JobContext(
    run_id="iris_1732400000_9c2e41ab",
    attempt=2,
    workspace_id="ws_1",
    subscription_id="sub",
    resource_group="group",
    workspace_name="demo",
    experiment="iris",
    experiment_id="exp_1",
    endpoint="http://127.0.0.1:6789",
    token="secret",
    journal_dir=Path("/somewhere/jour nal"),
)


def test_current_is_the_inverse_of_variables() -> None:
    assert JobContext.current(CONTEXT.variables()) == CONTEXT
    assert JobContext.current(CONTEXT._replace(journal_dir=None).variables()) == CONTEXT._replace(journal_dir=None)


@pytest.mark.parametrize(
    "name", ["AZUREML_RUN_ID", "AZUREML_ARM_SUBSCRIPTION", "AZUREML_RUN_TOKEN", "AZUREML_SERVICE_ENDPOINT"]
)
def test_a_missing_variable_means_no_job(name: str) -> None:
    variables = CONTEXT.variables()
    del variables[name]
    assert JobContext.current(variables) is None  # v1-behaviours 5.1


def test_a_job_of_azures_own_is_not_ours() -> None:
    variables = {name: value for name, value in CONTEXT.variables().items() if name.startswith("AZUREML_")}
    assert JobContext.current(variables) is None


def test_a_journal_needs_a_place() -> None:
    with pytest.raises(ValueError, match="AMLET_JOURNAL_DIR"):
        CONTEXT._replace(journal_dir=None).open_journal()
