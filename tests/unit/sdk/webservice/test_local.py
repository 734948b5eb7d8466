"""Local services: v1's own states, and what may be called in which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.domain.deployment import Deployment
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.inference_config import InferenceConfig
from amlet.sdk.model import Model
from amlet.sdk.webservice import AciWebservice, LocalWebservice
from amlet.sdk.workspace import Workspace

LOCAL = Deployment(["iris:1"], kind="local")
SCRIPT = "def init(): pass\ndef run(data): return data\n"


@pytest.fixture
def service(workspace: Workspace, held: Any, make_service: Any) -> LocalWebservice:
    held.client.services.story = [make_service(deployment=LOCAL)]
    return LocalWebservice(workspace, "iris-service")


@pytest.mark.parametrize(
    ("state", "expected"),
    [("Healthy", "running"), ("Transitioning", "deploying"), ("Failed", "failed"), ("Unhealthy", "failed")],
)
def test_states_are_lower_case(workspace: Workspace, held: Any, make_service: Any, state: str, expected: str) -> None:
    held.client.services.story = [make_service(deployment=LOCAL, state=state)]
    assert LocalWebservice(workspace, "iris-service").state == expected  # v1-behaviours 15.19


def test_it_is_found_under_localhost(service: LocalWebservice) -> None:
    # v1-behaviours 15.19
    assert (service.port, service.scoring_uri) == (6789, "http://localhost:6789/score")
    assert service.swagger_uri == "http://localhost:6789/swagger.json"


def test_a_service_that_need_not_exist_is_unknown(workspace: Workspace) -> None:
    with pytest.raises(WebserviceException, match="WebserviceNotFound"):
        LocalWebservice(workspace, "another")
    found = LocalWebservice(workspace, "another", must_exist=False)
    assert found.state == "unknown"
    for name in ("run", "get_logs", "reload", "wait_for_deployment"):
        with pytest.raises(WebserviceException, match=rf"Cannot call {name}\(\) when service is unknown"):
            getattr(found, name)(*(["{}"] if name == "run" else []))


def test_an_unknown_service_is_made_by_an_update(workspace: Workspace, model: Model, held: Any) -> None:
    found = LocalWebservice(workspace, "another", must_exist=False)
    found.update(models=[model], deployment_config=LocalWebservice.deploy_configuration(port=7000))
    assert (found.state, held.client.services.deployed[-1].deployment.port) == ("running", 7000)


def test_nothing_may_be_called_once_it_is_deleted(service: LocalWebservice) -> None:
    service.delete()
    assert service.state == "deleted"
    calls = {"run": ["{}"], "get_logs": [], "reload": [], "update": [], "delete": [], "wait_for_deployment": []}
    for name, arguments in calls.items():
        with pytest.raises(WebserviceException, match=rf"Cannot call {name}\(\) when service is deleted\."):
            getattr(service, name)(*arguments)


def test_rows_are_refused_until_it_runs(workspace: Workspace, held: Any, make_service: Any) -> None:
    held.client.services.story = [make_service(deployment=LOCAL, state="Transitioning")]
    with pytest.raises(WebserviceException, match=r"Cannot call run\(\) when service is deploying") as caught:
        LocalWebservice(workspace, "iris-service").run("{}")
    assert caught.value.hint == "wait_for_deployment() first."


def test_waiting_prints_v1s_lines(service: LocalWebservice, capsys: Any) -> None:
    service.wait_for_deployment(show_output=True)
    assert capsys.readouterr().out == (
        "Checking container health...\nLocal webservice is running at http://localhost:6789\n"
    )


def test_a_crash_prints_the_log_and_tells_why(workspace: Workspace, held: Any, make_service: Any, capsys: Any) -> None:
    held.client.services.story = [make_service(deployment=LOCAL, state="Failed", error="init() raised: ValueError: x")]
    with pytest.raises(WebserviceException, match="Did your init method fail") as caught:
        LocalWebservice(workspace, "iris-service").wait_for_deployment()
    assert "ValueError: x" in caught.value.message
    assert "a line" in capsys.readouterr().out


def test_it_has_neither_keys_nor_tokens(service: LocalWebservice) -> None:
    for call in (service.get_keys, service.get_token, lambda: service.regen_key("Primary")):
        with pytest.raises(NotImplementedError):
            call()  # v1-behaviours 15.19


def test_a_local_service_gives_way_to_another(
    service: LocalWebservice, workspace: Workspace, model: Model, held: Any
) -> None:
    local = LocalWebservice.deploy_configuration()
    Model.deploy(workspace, "iris-service", [model], None, local)
    Model.deploy(workspace, "iris-service", [model], None, AciWebservice.deploy_configuration())
    Model.deploy(workspace, "iris-service", [model], None, local)
    assert [asked.overwrite for asked in held.client.services.deployed] == [True, False, False]


def test_reload_reads_the_entry_script_again(
    workspace: Workspace, model: Model, held: Any, tmp_path: Path, capsys: Any
) -> None:
    folder = tmp_path / "source é"
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    config = InferenceConfig("score.py", source_directory=folder)
    Model.deploy(workspace, "another", [model], config, LocalWebservice.deploy_configuration())
    before = held.client.services.deployed[-1].source
    (folder / "score.py").write_text(SCRIPT + "#\n")
    (folder / "beside.py").write_text("")
    LocalWebservice(workspace, "another").reload(wait=True)
    asked = held.client.services.updated[-1]
    assert asked.restart and [entry.path for entry in asked.source] == ["beside.py", "score.py"]
    assert asked.source[1].sha256 != before[0].sha256
    assert "is running" not in capsys.readouterr().out
    (folder / "score.py").unlink()
    with pytest.raises(WebserviceException, match="The entry script is not on this machine"):
        LocalWebservice(workspace, "another").reload()


def test_it_goes_to_the_cloud_with_the_same_models_and_script(
    workspace: Workspace, model: Model, held: Any, tmp_path: Path
) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "other.py").write_text("")
    config = InferenceConfig(tmp_path / "score.py")
    local = Model.deploy(workspace, "another", [model], config, LocalWebservice.deploy_configuration())
    assert isinstance(local, LocalWebservice)
    made = local.deploy_to_cloud("in-the-cloud", AciWebservice.deploy_configuration(cpu_cores=1))
    asked = held.client.services.deployed[-1]
    assert (type(made), asked.name, asked.overwrite) == (AciWebservice, "in-the-cloud", False)
    assert (asked.deployment.kind, asked.deployment.model_ids) == ("aci", ["iris:1"])
    assert [entry.path for entry in asked.source] == ["score.py"]


def test_local_services_are_listed_by_themselves(
    service: LocalWebservice, workspace: Workspace, held: Any, make_service: Any
):
    assert [found.name for found in LocalWebservice.list(workspace, model_name="iris")] == ["iris-service"]
    assert LocalWebservice.list(workspace, model_id="iris:2") == []
    held.client.services.story = [make_service(deployment=LOCAL, state="Failed")]
    assert LocalWebservice.list(workspace) == []
    assert [found.state for found in LocalWebservice.list(workspace, all=True)] == ["failed"]
