"""What a configuration says of a job's data, before anything is sent."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from amlet.domain.data import DataPath, JobInput, JobOutput
from amlet.sdk.data_reference import DataReference
from amlet.sdk.datastore_storage import AzureBlobDatastore
from amlet.sdk.exceptions import RunConfigurationException, UserErrorException
from amlet.sdk.job_data import JobData
from amlet.sdk.output_dataset_config import OutputFileDatasetConfig
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_data import Data, DataReferenceConfiguration, OutputData
from amlet.sdk.script_run_config import ScriptRunConfig

STORE: Any = AzureBlobDatastore(None, "store", "container", "account")  # type: ignore[arg-type]


def test_sections_become_inputs_and_outputs() -> None:
    settings = RunConfiguration()
    settings.data_references = {
        "ref": DataReference(STORE, "ref", "/a//b/").as_mount().to_config(),
        "up": DataReference(STORE, "up", "to", overwrite=True).as_upload("from", overwrite=True).to_config(),
    }
    settings.output_data = {"out": OutputData()}
    found = JobData()
    found.take_sections(settings)
    assert found.faults == []
    assert found.to_inputs(None) == [  # type: ignore[arg-type]
        JobInput("ref", "mount", [DataPath("store", "a/b")], is_reference=True)
    ]
    assert found.to_outputs() == [
        JobOutput("up", "upload", DataPath("store", "to"), "from", True, is_reference=True),
        JobOutput("out", "mount", DataPath("workspaceblobstore", "dataset/{run-id}/{output-name}")),
    ]


def test_every_section_that_says_too_little_is_named() -> None:
    settings = RunConfiguration()
    settings.data_references = {
        "a": DataReferenceConfiguration(),
        "b": DataReferenceConfiguration("store", "upload"),
    }
    settings.data = {"c": Data(), "d": Data(mechanism="hdfs")}
    settings.output_data = {"e": OutputData(mechanism="link")}
    found = JobData()
    found.take_sections(settings)
    assert [fault.path for fault in found.faults] == [
        "data_references.a",
        "data_references.b",
        "data.c",
        "data.d",
        "output_data.e",
    ]


def test_two_outputs_of_one_name_are_a_fault_and_copies_of_one_are_not() -> None:
    output = OutputFileDatasetConfig("made")
    found = JobData()
    found.text_of(output, "arguments[0]")
    found.text_of(copy.deepcopy(output).as_mount(), "arguments[1]")
    assert found.faults == []
    found.text_of(OutputFileDatasetConfig("made"), "arguments[2]")
    assert [fault.path for fault in found.faults] == ["arguments[2]"]


def test_references_have_v1s_names_and_modes() -> None:
    # v1-behaviours 13.16
    assert str(DataReference(STORE)) == "$AZUREML_DATAREFERENCE_store"
    assert len(STORE.path("a").data_reference_name) == 32
    assert str(STORE.path("a", "b").path("c").as_download("x")).startswith("$AZUREML_DATAREFERENCE_")
    assert STORE.path("a", "b").path("c").path_on_datastore == "a/c"
    with pytest.raises(UserErrorException, match="no mode"):
        DataReference(STORE, mode="link")


def test_outputs_have_v1s_defaults_and_each_call_gives_a_copy() -> None:
    # v1-behaviours 13.14
    output = OutputFileDatasetConfig()
    assert output.name.startswith("output_")
    assert (output.mode, output.as_upload().mode, output.mode) == ("mount", "upload", "mount")
    with pytest.raises(ValueError, match="must not be empty"):
        output.register_on_complete("")
    with pytest.raises(UserErrorException, match="no destination"):
        OutputFileDatasetConfig(destination=3)
    assert OutputFileDatasetConfig("x", (STORE, "a/{run-id}"))._to_output().destination == DataPath(
        "store", "a/{run-id}"
    )


def test_only_a_data_path_can_be_resumed_from() -> None:
    with pytest.raises(RunConfigurationException, match="must be a DataPath"):
        ScriptRunConfig(".", "train.py", resume_from="store/path")  # v1-behaviours 9.7
