"""Remote machines as users hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_remote import RemoteCompute
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException
from amlet.sdk.workspace import Workspace

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "a key"
    path.write_text(KEY)
    return str(path)


def test_a_machine_is_attached_by_address_user_and_key(workspace: Workspace, held: Any, key: str) -> None:
    wanted = RemoteCompute.attach_configuration("me", address="host.example", ssh_port="2222", private_key_file=key)
    made = ComputeTarget.attach(workspace, "machine", wanted)
    assert isinstance(made, RemoteCompute) and made.type == "VirtualMachine" and made.is_attached
    assert (made.address, made.ssh_port, made.username) == ("host.example", 2222, "me")
    made.wait_for_completion(show_output=True)
    asked = held.client.computes.asked[-1]
    assert asked.credentials.private_key == KEY and asked.remote.signs_in_with == "key"
    assert "PRIVATE" not in repr(asked) and "PRIVATE" not in str(made.serialize())


def test_v1s_older_call_attaches_too(workspace: Workspace, held: Any) -> None:
    made = RemoteCompute.attach(workspace, "machine", "me", "10.0.0.1", password="secret")
    assert isinstance(made, RemoteCompute)
    assert held.client.computes.asked[-1].credentials.password == "secret"
    wanted = RemoteCompute.attach_configuration("me", address="10.0.0.2", password="secret")
    other = RemoteCompute.attach(workspace, "other", wanted)
    assert isinstance(other, RemoteCompute) and other.address == "10.0.0.2"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"username": "", "address": "h"}, "username is not provided"),
        ({"username": "me"}, "address is not provided"),
        ({"username": "me", "address": "h", "resource_id": "/x"}, "since address is provided, resource_id must not"),
        ({"username": "me", "resource_id": "/x"}, "does not look a machine up in Azure by resource_id"),
        ({"username": "me", "subscription_id": "s", "resource_group": "g", "vm_name": "v"}, "up in Azure by subscr"),
        ({"username": "me", "address": "h", "ssh_port": 0}, "ssh_port must be"),
        ({"username": "me", "address": "h", "password": "p", "private_key_file": "k"}, "both password and private"),
        ({"username": "me", "address": "h", "private_key_passphrase": "p"}, "without private_key_file"),
    ],
)
def test_a_bad_configuration_is_told(arguments: Any, told: str) -> None:
    with pytest.raises(ComputeTargetException, match=told):  # v1-behaviours 11.8
        RemoteCompute.attach_configuration(**arguments)


def test_a_machine_needs_a_password_or_a_readable_private_key(workspace: Workspace, tmp_path: Path) -> None:
    public = tmp_path / "id.pub"
    public.write_text("ssh-ed25519 AAAA me@here")
    for more, told in (
        ({}, "Neither a password nor a key"),
        ({"private_key_file": str(tmp_path / "none")}, "Error while reading key information"),
        ({"private_key_file": str(public)}, "holds no private key"),
    ):
        wanted = RemoteCompute.attach_configuration("me", address="h", **more)
        with pytest.raises(ComputeTargetException, match=told):
            ComputeTarget.attach(workspace, "machine", wanted)


def test_a_machine_is_detached_and_not_deleted(workspace: Workspace, key: str) -> None:
    made = RemoteCompute.attach(workspace, "machine", "me", "h", private_key_file=key)
    with pytest.raises(ComputeTargetException, match="Try to use detach"):
        made.delete()
    with pytest.raises(UserErrorException, match="get_credentials"):
        made.get_credentials()  # type: ignore[attr-defined]
    made.detach()
    assert workspace.compute_targets == {} and made.provisioning_state == "Deleting"


def test_an_object_that_asked_for_nothing_has_nothing_to_wait_for(workspace: Workspace, key: str, capsys: Any) -> None:
    made = RemoteCompute.attach(workspace, "machine", "me", "h", private_key_file=key)
    made.wait_for_completion(show_output=True)
    assert capsys.readouterr().out == 'SucceededProvisioning operation finished, operation "Succeeded"\n'
    with pytest.raises(ComputeTargetException, match="Long running operation information not known"):
        ComputeTarget(workspace, "machine").wait_for_completion()  # v1-behaviours 11.4
    assert made.get_status() == "Succeeded"
