"""What all services share: found, waited for, asked, marked, deleted."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from amlet.domain.deployment import Deployment
from amlet.domain.service import FAILED, TRANSITIONING
from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.webservice import (
    AciWebservice,
    AksEndpoint,
    AksWebservice,
    LocalWebservice,
    UnknownWebservice,
    Webservice,
)
from amlet.sdk.workspace import Workspace


def test_waiting_prints_steps_and_v1s_last_line(
    workspace: Workspace, held: Any, make_service: Any, capsys: Any
) -> None:
    held.client.services.story = [
        make_service(state=TRANSITIONING, step="Preparing the environment", changes=1),
        make_service(changes=2),
    ]
    service = Webservice(workspace, "iris-service")
    service.wait_for_deployment(show_output=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Tips: You can try get_logs()") and lines[1] == "Running"  # v1-behaviours 15.3
    assert lines[2].endswith(" Preparing the environment.") and lines[3].endswith(" Answering requests.")
    assert lines[4:] == ["Succeeded", 'ACI service creation operation finished, operation "Succeeded"']
    assert (service.state, service.scoring_uri) == ("Healthy", "http://127.0.0.1:6789/score")


def test_a_failed_service_raises_with_its_traceback(workspace: Workspace, held: Any, make_service: Any) -> None:
    held.client.services.story = [make_service(state=FAILED, error="Traceback: no module named sklearn")]
    with pytest.raises(WebserviceException, match="no module named sklearn"):
        Webservice(workspace, "iris-service").wait_for_deployment()


def test_the_time_to_wait_may_be_over(workspace: Workspace, held: Any, make_service: Any) -> None:
    held.client.services.story = [make_service(state=TRANSITIONING)]
    with pytest.raises(WebserviceException, match="is not ready after 0 s"):
        Webservice(workspace, "iris-service").wait_for_deployment(timeout_sec=0)


def test_logs_and_deleting(workspace: Workspace, held: Any, make_service: Any, capsys: Any) -> None:
    service = Webservice(workspace, "iris-service")
    assert service.get_logs() == "a line\nanother\n"
    service.delete()
    held.client.services.story = [make_service(name="other")]
    service.delete()
    assert "No service with name iris-service" in capsys.readouterr().out  # v1-behaviours 15.25


def test_a_missing_service_is_told(workspace: Workspace) -> None:
    with pytest.raises(WebserviceException, match="WebserviceNotFound"):
        Webservice(workspace, "nothing")


def test_rows_must_be_json_text(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="takes JSON"):
        Webservice(workspace, "iris-service").run({"data": []})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("local", LocalWebservice),
        ("aci", AciWebservice),
        ("aks", AksWebservice),
        ("endpoint", AksEndpoint),
        ("of a later version", UnknownWebservice),
    ],
)
def test_a_service_is_of_its_kinds_class(workspace: Workspace, held: Any, make_service: Any, kind: str, expected: type):
    held.client.services.story = [make_service(deployment=Deployment(["iris:1"], kind=kind))]
    assert type(Webservice(workspace, "iris-service")) is expected
    assert [type(found) for found in Webservice.list(workspace)] == [expected]


def test_a_service_of_another_class_is_told(workspace: Workspace) -> None:
    assert AciWebservice(workspace, "iris-service").compute_type == "ACI"
    with pytest.raises(WebserviceException, match="is of the kind ACI, not AKS"):
        AksWebservice(workspace, "iris-service")
    with pytest.raises(WebserviceException, match="is of the kind ACI, not LOCAL"):
        LocalWebservice(workspace, "iris-service")


def test_a_service_of_unknown_kind_can_be_looked_at_alone(workspace: Workspace, held: Any, make_service: Any) -> None:
    held.client.services.story = [make_service(deployment=Deployment(kind="new"))]
    found = Webservice(workspace, "iris-service")
    assert (found.compute_type, found.state) == ("NEW", "Healthy")
    for call in (lambda: found.run("{}"), lambda: found.update(tags={}), found.get_token):
        with pytest.raises(NotImplementedError, match="of the kind NEW"):
            call()


def test_a_taken_name_is_told_or_freed(workspace: Workspace, held: Any, capsys: Any) -> None:
    Webservice.check_for_existing_webservice(workspace, "free")
    with pytest.raises(WebserviceException, match="There already is a service with name iris-service"):
        Webservice.check_for_existing_webservice(workspace, "iris-service")
    Webservice.check_for_existing_webservice(workspace, "iris-service", overwrite=True)
    with pytest.raises(WebserviceException, match="WebserviceNotFound"):
        Webservice(workspace, "iris-service")


def test_keys_are_given_and_turned_over(workspace: Workspace) -> None:
    service = Webservice(workspace, "iris-service")
    assert service.get_keys() == ("first", "second")  # v1-behaviours 15.25
    service.regen_key("Primary", set_key="mine")
    service.regen_key("Secondary")
    assert service.get_keys() == ("mine", "another")
    with pytest.raises(WebserviceException, match="'Primary' or 'Secondary', not 'Third'"):
        service.regen_key("Third")


def test_serializing_tells_v1s_keys_and_finds_the_service_again(workspace: Workspace) -> None:
    told = Webservice(workspace, "iris-service").serialize()
    assert (told["computeType"], told["state"], told["models"]) == ("ACI", "Healthy", ["iris:1"])
    assert Webservice.deserialize(workspace, json.loads(json.dumps(told))).name == "iris-service"


@contextlib.contextmanager
def answering(keys: list[str]) -> Iterator[tuple[str, list[str]]]:
    """A service that takes these keys: its address, and what came as Authorization."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            credential = self.headers.get("Authorization", "")
            came.append(credential)
            fits = credential.replace("Bearer ", "") in keys
            answer = b'{"got": ' + body + b"}" if fits else b'{"message": "no"}'
            self.send_response(200 if fits else 401)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_told: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_run_brings_the_key_and_asks_for_it_again_once(workspace: Workspace, held: Any, make_service: Any) -> None:
    keys = ["first"]
    with answering(keys) as (address, came):
        closed = Deployment(["iris:1"], kind="aks", auth="key")
        held.client.services.story = [make_service(address=address, deployment=closed)]
        service = Webservice(workspace, "iris-service")
        assert service.run("[1]") == {"got": [1]}  # v1-behaviours 15.24
        keys[:] = ["turned over"]
        held.client.services.held_keys = held.client.services.held_keys._replace(primary="turned over")
        assert service.run(b"[2]") == {"got": [2]}
        assert came == ["Bearer first", "Bearer first", "Bearer turned over"]
        keys.clear()
        with pytest.raises(WebserviceException, match="Response Code: 401") as caught:
            service.run("[3]")
        assert caught.value.status_code == 401
        assert came[3:] == ["Bearer turned over", "Bearer turned over", "Bearer second"]


def test_run_brings_a_token(workspace: Workspace, held: Any, make_service: Any) -> None:
    with answering(["a-token"]) as (address, _):
        closed = Deployment(["iris:1"], kind="aks", auth="token")
        held.client.services.story = [make_service(address=address, deployment=closed)]
        service = AksWebservice(workspace, "iris-service")
        assert (service.auth_enabled, service.token_auth_enabled) == (False, True)
        assert service.run("[1]") == {"got": [1]}
        assert service.get_token()[0] == service.get_access_token().access_token == "a-token"
