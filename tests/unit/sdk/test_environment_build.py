"""Builds of environments, followed, and what they were resolved to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.base.paths import Home
from amlet.domain.environment import Container, Package, lock_of
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.workspace import Workspace
from amlet.wire.environments import EnvironmentRecord

LOCK = lock_of("3.11", "linux-x86_64", "joblib==1.4.2 --hash=sha256:00\n", [Package("joblib", "1.4.2")])


def test_a_build_registers_resolves_anew_and_tells_each_status_once(
    workspace: Workspace, held: Any, capsys: Any
) -> None:
    api = held.client.environments
    api.story = [("Queued", "", None), ("Running", "one\n", None), ("Running", "two\n", None),
                 ("Succeeded", "three\n", None), ("Succeeded", "", None)]  # fmt: skip
    build = Environment("x").build(workspace)  # v1-behaviours 10.11
    assert (api.asked[0].anew, api.asked[0].spec.version) == (True, "1")
    build.wait_for_completion(show_output=True)
    assert capsys.readouterr().out == (
        "Image Build Status: Queued\n\nImage Build Status: Running\n\none\ntwo\nthree\n"
        "Image Build Status: Succeeded\n\n"
    )
    assert api.offsets == [0, 0, 4, 8, 14]
    assert (build.status, build.error) == ("Succeeded", None)
    assert build.log_url.endswith("/api/workspaces/ws_1/environment-builds/build_1")


def test_a_failed_build_is_told_and_not_raised(workspace: Workspace, held: Any, capsys: Any) -> None:
    held.client.environments.story = [("Failed", "why\n", "no such package"), ("Failed", "", "no such package")]
    build = Environment("x").build(workspace)
    build.wait_for_completion()  # v1-behaviours 10.11
    assert capsys.readouterr().out == "why\nImage Build Status: Failed\n\nno such package\n"
    assert build.status == "Failed"


def test_nothing_is_printed_unless_it_is_asked_for(workspace: Workspace, held: Any, capsys: Any) -> None:
    held.client.environments.story = [("Running", "one\n", None), ("Succeeded", "", None)]
    Environment("x").build(workspace).wait_for_completion(show_output=False)
    assert capsys.readouterr().out == ""


def test_a_local_build_waits_and_raises(workspace: Workspace, held: Any) -> None:
    api = held.client.environments
    over = ("Succeeded", "", None)
    api.story = [("Running", "one\n", None), over, over, ("Running", "one\n", None), over]
    assert Environment("x").build_local(workspace, useDocker=False) == "one\n"
    assert api.asked[0].anew is False
    api.story = [("Failed", "", "no such package")]
    with pytest.raises(UserErrorException, match="could not be built: no such package"):
        Environment("x").build_local(workspace)


def test_a_curated_environment_is_built_without_being_registered(workspace: Workspace, held: Any) -> None:
    Environment("AzureML-Tutorial").build(workspace)
    api = held.client.environments
    assert (list(api.kept), api.asked[0].spec.name) == ([], "AzureML-Tutorial")


def test_the_details_are_those_of_the_lock_of_equal_content(workspace: Workspace, held: Any) -> None:
    env, api = Environment("x"), held.client.environments
    assert env.get_image_details(workspace).image_exist is False
    kept = env.register(workspace)
    assert env.get_image_details(workspace).image_exist is False
    api.locks[LOCK.id] = LOCK
    api.kept["x"] = EnvironmentRecord(kept._to_spec(), False, LOCK.id)
    details = env.get_image_details(workspace)  # v1-behaviours 10.11
    assert details.image_exist is True
    assert details["repository"] == details.repository == f"azureml/azureml_{LOCK.id}"
    assert (details.registry, details.image) == (None, None)
    assert "joblib==1.4.2 --hash=sha256:00" in str(details.dockerfile)
    assert (details.interpreter_path, details.environment_path) == (None, None)
    assert env.python.conda_dependencies is not None
    env.python.conda_dependencies.add_pip_package("numpy")
    assert env.get_image_details(workspace).image_exist is False


def test_the_details_name_the_build_of_this_machine_and_the_image(workspace: Workspace, held: Any) -> None:
    env, api = Environment("x"), held.client.environments
    env.docker.base_image = "mine:1"
    lock = LOCK._replace(image="sha256:77")
    api.locks[lock.id] = lock
    api.kept["x"] = EnvironmentRecord(env._to_spec(), False, lock.id)
    python = Home.find().environments / "builds" / lock.id / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    python.chmod(0o755)
    details = env.get_image_details(workspace)
    assert (details.image, details.interpreter_path) == ("sha256:77", str(python))
    assert Path(str(details.environment_path)) == python.parent.parent
    assert "FROM mine:1" in str(details.dockerfile)
    assert env._to_spec().container == Container("mine:1", None, "2g")
