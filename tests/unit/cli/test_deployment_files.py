"""v1's files of a deployment (v1-behaviours 15.28)."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from amlet.base.errors import InvalidInput
from amlet.cli.deployment_files import read_deployment_files
from amlet.domain.deployment import BY_KEY, OPEN, Autoscale
from amlet.domain.model import Resources

# As v1's documentation shows them.
ACI = {
    "computeType": "aci",
    "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1.0},
    "authEnabled": True,
    "sslEnabled": False,
    "appInsightsEnabled": None,
}
AKS = {
    "computeType": "AKS",
    "autoScaler": {
        "autoscaleEnabled": True,
        "minReplicas": 1,
        "maxReplicas": 3,
        "refreshPeriodInSeconds": 2,
        "targetUtilization": 60,
    },
    "dataCollection": {"storageEnabled": True},
    "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1.0},
    "scoringTimeoutMs": 1000,
    "maxConcurrentRequestsPerContainer": 4,
    "maxQueueWaitMs": 200,
    "keys": {"primaryKey": "one", "secondaryKey": "two"},
}
DESCRIBED = {
    "name": "my-deploy-env",
    "version": "1",
    "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE", "WORD": "hello"},
    "docker": {"arguments": [], "baseDockerfile": None, "enabled": False, "sharedVolumes": True, "shmSize": None},
    "python": {
        "baseCondaEnvironment": None,
        "condaDependencies": {
            "name": "p",
            "channels": ["conda-forge"],
            "dependencies": ["python=3.8", {"pip": ["six"]}],
        },
        "condaDependenciesFile": None,
        "interpreterPath": "python",
        "userManagedDependencies": False,
    },
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.8, {pip: [six]}]\n")
    return tmp_path


def read(folder, *, ic=None, dc=None, write=json.dumps):
    names = []
    for name, content in (("inferenceconfig.json", ic), ("deploymentconfig.json", dc)):
        if content is not None:
            (folder / name).write_text(content if isinstance(content, str) else write(content))
        names.append(None if content is None else name)
    return read_deployment_files(*names, folder, None)


def refused(folder, **files):
    with pytest.raises(InvalidInput) as told:
        read(folder, **files)
    return told.value


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_the_files_of_v1s_documentation_mean_what_its_classes_did(folder, write):
    aci = read(folder, dc=ACI, write=write).configuration._deployment()
    assert (aci.kind, aci.resources, aci.auth) == ("aci", Resources(0.5, 1.0), BY_KEY)

    config = read(folder, dc=AKS, write=write).configuration
    aks = config._deployment()
    assert aks.autoscale == Autoscale(1, 3, 60, 2)
    assert (aks.kind, aks.auth, aks.capture is not None) == ("aks", BY_KEY, True)
    assert (aks.scoring_timeout_ms, aks.max_concurrent, aks.max_wait_ms) == (1000, 4, 200)
    assert config._request("x").primary_key == "one"

    local = read(folder, dc={"computeType": "local", "port": 32267}, write=write).configuration._deployment()
    assert (local.kind, local.port, local.auth) == ("local", 32267, OPEN)

    inference = read(folder, ic={"entryScript": "score.py", "environment": DESCRIBED}, write=write).inference
    spec = inference._service_environment()._to_spec()
    assert (spec.name, spec.python, spec.pip, spec.variables) == ("my-deploy-env", "3.8", ["six"], {"WORD": "hello"})


def test_the_older_form_names_packages_in_a_file(folder):
    inference = read(folder, ic={"entryScript": "score.py", "runtime": "python", "condaFile": "conda.yml"}).inference
    assert inference._service_environment()._to_spec().pip == ["six"]


def test_paths_lead_from_here_and_where_nothing_lies_there_from_the_file(folder):
    below = folder / "deep" / "conf"
    below.mkdir(parents=True)
    environment = {"name": "e", "python": {"condaDependenciesFile": "conda.yml"}}
    text = json.dumps({"entryScript": "score.py", "environment": environment})
    (below / "ic.json").write_text(text)
    here = read_deployment_files("deep/conf/ic.json", None, folder, None).inference
    assert here.entry_script == str(folder / "score.py")

    (folder / "deep" / "score.py").write_text("from score import *")
    (folder / "deep" / "conda.yml").write_text("dependencies: [{pip: [toolz]}]\n")
    (folder / "deep" / "ic.json").write_text(text)
    (folder / "elsewhere").mkdir()
    beside = read_deployment_files("../deep/ic.json", None, folder / "elsewhere", None).inference
    assert (folder / "elsewhere" / beside.entry_script).resolve() == folder / "deep" / "score.py"
    assert beside._service_environment()._to_spec().pip == ["toolz"]
    source = {"entryScript": "score.py", "sourceDirectory": "deep"}
    assert read(folder, ic=source).inference._script_path() == folder / "deep" / "score.py"


def test_every_fault_of_both_files_is_told_at_once(folder):
    told = refused(
        folder,
        ic={"entry_script": "x", "entryScript": "nowhere.py", "enableGpu": "yes", "environment": {"name": ""}},
        dc={"computeType": "aks", "numReplicas": "2", "autoScaler": {"minReplica": 2}, "authEnabled": 1, "keys": "a"},
    )
    found = {field.path: field.message for field in told.fields}
    assert 'did you mean "entryScript"?' in found["inferenceconfig.json: entry_script"]
    assert found["inferenceconfig.json: enableGpu"] == "must be true or false, not 'yes'"
    assert "must be a text" in found["inferenceconfig.json: environment.name"]
    assert "there is no file" in found["inferenceconfig.json: entryScript"]
    assert found["deploymentconfig.json: numReplicas"] == "must be a number, not '2'"
    assert 'did you mean "autoScaler.minReplicas"?' in found["deploymentconfig.json: autoScaler.minReplica"]
    assert "must be true or false" in found["deploymentconfig.json: authEnabled"]
    assert "must be an object" in found["deploymentconfig.json: keys"]
    assert len(found) == 8 and "8 fields are wrong in the files of the deployment" in told.message


@pytest.mark.parametrize(
    ("dc", "path", "says"),
    [
        ({"port": 80}, "computeType", "is missing: one of local, aci, aks"),
        ({"computeType": "amlcompute"}, "computeType", "cannot be 'amlcompute'"),
        ({"computeType": "local", "cpu": 1}, "cpu", "is no key"),
        ({"computeType": "local", "port": 0}, "port", "must be a whole number from 1 to 65535"),
        ({"computeType": "aci", "sslEnabled": True}, "sslEnabled", "in clear"),
        ({**AKS, "numReplicas": 2}, "numReplicas", "and autoScaler.autoscaleEnabled exclude each other"),
        (
            {**ACI, "containerResourceRequirements": {"cpu": 0}},
            "containerResourceRequirements.cpu",
            "greater than zero",
        ),
    ],
)
def test_what_a_deployment_cannot_be_is_told_under_the_files_own_keys(folder, dc, path, says):
    found = {field.path: field.message for field in refused(folder, dc=dc).fields}
    assert says in found[path] and len(found) == 1


@pytest.mark.parametrize(
    ("ic", "path", "says"),
    [
        ({}, "entryScript", "is missing"),
        ({"entryScript": "conda.yml"}, "entryScript", "must be a .py file"),
        ({"entryScript": "score.py", "sourceDirectory": "gone"}, "sourceDirectory", "there is no folder"),
        ({"entryScript": "score.py", "environment": 3}, "environment", "must be an object, or a name"),
        (
            {"entryScript": "score.py", "environment": {**DESCRIBED, "pyton": {}}},
            'environment.pyton (did you mean "python"?)',
            "is no key",
        ),
        (
            {"entryScript": "score.py", "environment": {"name": "e", "python": {"condaDependencies": {"deps": []}}}},
            "environment.python.condaDependencies",
            "deps",
        ),
        (
            {"entryScript": "score.py", "environment": {"name": "e", "python": {"condaDependenciesFile": "no.yml"}}},
            "environment.python.condaDependenciesFile",
            "there is no file",
        ),
        ({"entryScript": "score.py", "baseImageRegistry": "x"}, "baseImageRegistry", "must be an object"),
        ({"entryScript": "score.py", "condaFile": "conda.yml", "environment": DESCRIBED}, "environment", "older form"),
    ],
)
def test_what_an_inference_configuration_cannot_be_is_told(folder, ic, path, says):
    found = {field.path: field.message for field in refused(folder, ic=ic).fields}
    assert says in found[path] and len(found) == 1


@pytest.mark.parametrize(("content", "says"), [("[1]", "not list"), ("", "not nothing"), ("{", "cannot be read")])
def test_a_file_that_holds_no_object_is_refused(folder, content, says):
    for files in ({"ic": content}, {"dc": content}):
        assert re.search(says, refused(folder, **files).message)
    with pytest.raises(InvalidInput, match=r"There is no file .*gone\.json"):
        read_deployment_files("gone.json", None, folder, None)
