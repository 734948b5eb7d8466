"""Environments built apart from runs, their locks, and `amlet env`, against a real server."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import yaml

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.environment import FAILED, SUCCEEDED, Container, EnvironmentSpec
from amlet.wire.environments import BuildEnvironment, BuildQuery, BuildState, EnvironmentQuery
from support.cli import CommandLine
from support.runs import finish, submit_script
from support.server import RealServer


class Place(CommandLine):
    """With environments in it."""

    def register(self, *pip: str, name: str = "joblib-env") -> EnvironmentSpec:
        spec = EnvironmentSpec(name, pip=list(pip))
        return self.client.environments.register(self.workspace_id, spec).spec

    def built(self, spec: EnvironmentSpec, *, anew: bool = False) -> tuple[BuildState, str]:
        api = self.client.environments
        build = api.build(self.workspace_id, BuildEnvironment(spec, anew))
        log, offset = "", 0
        while True:
            state = api.build_state(self.workspace_id, build.id, BuildQuery(offset, 30.0))
            log, offset = log + state.log, state.next_offset
            if state.build.is_over and not state.log:
                return state, log


@pytest.fixture
def place(shared_server: RealServer, tmp_path: Path) -> Place:
    return Place(shared_server, f"env{uuid.uuid4().hex[:10]}", tmp_path)


def test_a_build_ends_with_its_lock_and_the_environments_version_has_it(place: Place):
    # v1-behaviours 10.11
    spec = place.register("joblib==1.4.2")
    assert place.client.environments.get(place.workspace_id, spec.name).lock_id is None
    state, log = place.built(spec)
    assert state.build.status == SUCCEEDED
    assert state.lock is not None
    assert state.lock.version_of("joblib") == "1.4.2"
    assert "--hash=sha256:" in state.lock.requirements
    assert log.count("Locked for Python") == 1
    assert log.count("Ready after") == 1
    found = place.client.environments.get(place.workspace_id, spec.name, EnvironmentQuery("1"))
    assert found.lock_id == state.lock.id
    assert place.client.environments.lock(place.workspace_id, state.lock.id) == state.lock


def test_the_same_spec_keeps_its_lock_until_it_is_built_anew(place: Place):
    # v1-behaviours 10.14
    spec = place.register("joblib<1.4", name="first")
    _, log = place.built(spec)
    assert "Locked for" in log
    _, log = place.built(place.register("joblib<1.4", name="second"))
    assert "resolved before" in log
    assert "Locked for" not in log
    state, log = place.built(spec, anew=True)
    assert "Locked for" in log
    assert state.build.status == SUCCEEDED


def test_a_build_that_cannot_be_says_why_in_its_log_and_its_state(place: Place):
    state, log = place.built(EnvironmentSpec("wrong", pip=["no-such-package-of-amlet==1"]))
    assert state.build.status == FAILED
    assert state.lock is None
    assert 'the line "no-such-package-of-amlet==1" under pip' in (state.build.error or "")
    assert "no-such-package-of-amlet" in log


def test_a_build_without_the_network_takes_what_the_cache_has_and_says_what_it_lacks(place: Place):
    assert place.cli("env", "build", "--offline", "AzureML-Minimal").out.startswith("AzureML-Minimal: lock")
    (place.folder / "requirements.txt").write_text("no-such-package-of-amlet\n")
    told = place.cli("env", "build", "--offline", "requirements.txt", code=1).err
    assert "the network is switched off" in told


def test_a_build_goes_on_after_a_kill_of_the_server(fresh_server: RealServer, tmp_path: Path):
    place = Place(fresh_server, "killed", tmp_path)
    api = place.client.environments
    build = api.build(place.workspace_id, BuildEnvironment(EnvironmentSpec("e", pip=["joblib==1.4.0"])))
    fresh_server.kill()
    fresh_server.start()
    offset = 0
    while not (state := api.build_state(place.workspace_id, build.id, BuildQuery(offset, 30.0))).build.is_over:
        offset = state.next_offset
    assert state.build.status == SUCCEEDED


def test_what_no_record_can_hold_is_refused_with_each_field(place: Place):
    bad = EnvironmentSpec("e", pip=["a\x00b"], container=Container("image", "FROM x", arguments=["\x00"]))
    with pytest.raises(InvalidInput) as refused:
        place.client.environments.build(place.workspace_id, BuildEnvironment(bad))
    text = str(refused.value)
    assert all(part in text for part in ("pip[0]", "container.arguments[0]", "not both"))


def test_an_unknown_build_and_an_unknown_lock_are_not_found(place: Place):
    with pytest.raises(NotFound, match="no build"):
        place.client.environments.build_state(place.workspace_id, "build_0")
    with pytest.raises(NotFound, match="no lock"):
        place.client.environments.lock(place.workspace_id, "0" * 32)


def test_env_lists_shows_builds_and_compares(place: Place):
    place.register("joblib==1.4.2", name="new")
    place.register("joblib==1.3.2", name="old")
    assert {"new", "old", "AzureML-Minimal"} <= {one["spec"]["name"] for one in place.json("env", "list")}
    place.register("joblib==1.1.1", name="idle")
    assert "not yet" in next(line for line in place.cli("env", "list").out.splitlines() if "idle" in line)
    assert "new: lock" in place.cli("env", "build", "new").out
    shown = place.json("env", "show", "new")
    assert shown["versions"] == ["1"]
    assert shown["lock"]["packages"] == [{"name": "joblib", "version": "1.4.2"}]
    assert "joblib" in place.cli("env", "show", "new:1").out
    found = place.json("env", "diff", "old", "new")
    assert [(one["name"], one["left"], one["right"]) for one in found["differences"]] == [("joblib", "1.3.2", "1.4.2")]
    assert "the same lock" in place.cli("env", "diff", "new", "new:1").err
    assert 'did you mean "new"' in place.cli("env", "show", "neww", code=1).err


def test_env_locks_and_exports_a_file_in_every_form(place: Place):
    (place.folder / "environment.yml").write_text("dependencies: [python=3.11, joblib=1.4.2]")
    locked = place.cli("env", "lock", "environment.yml").out
    assert "joblib==1.4.2 \\\n    --hash=sha256:" in locked
    assert place.cli("env", "export", "environment.yml").out == locked
    made = yaml.safe_load(place.cli("env", "export", "environment.yml", "-f", "conda").out)
    assert made["dependencies"][-1] == {"pip": ["joblib==1.4.2"]}
    assert '"joblib==1.4.2"' in place.json("env", "export", "environment.yml", "--format", "uv")["text"]
    assert "There is no file" in place.cli("env", "lock", "missing.yml", code=1).err


def test_env_lock_knows_a_run_by_its_id_and_says_which_model_is_missing(place: Place):
    run = finish(place.client, submit_script(place.client, place.folder / "job", "print(1)"))
    assert run.lock_id is not None
    lock = place.json("env", "lock", f"run:{run.id}", "-w", "s/g/quick")
    assert lock["id"] == run.lock_id
    assert place.json("env", "lock", run.id, "-w", "s/g/quick") == lock
    assert 'There is no model "none"' in place.cli("env", "lock", "model:none", code=1).err
