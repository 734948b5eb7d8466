"""Which workspace a folder belongs to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amlet.sdk import config_file
from amlet.sdk.exceptions import UserErrorException


def a_config(place: Path, name: str = "demo", **more: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    content = {"subscription_id": "s", "resource_group": "g", "workspace_name": name, **more}
    place.write_text(json.dumps(content))
    return place


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/.azureml/config.json", "a/b/aml_config/config.json"),
        (".azureml/config.json", "a/b/config.json"),
        ("a/b/.azureml/config.json", "a/.azureml/config.json"),
        (".azureml/config.json", "a/b/.azureml/project.json"),
        (".azureml/project.json", "a/b/aml_config/config.json"),
        ("aml_config/config.json", "a/b/config.json"),
        ("a/b/config.json", "a/config.json"),
        ("config.json", "a/b/project.json"),
    ],
)
def test_sub_folders_come_before_names_and_both_before_the_walk_up(tmp_path: Path, first: str, second: str) -> None:
    start = tmp_path / "a" / "b"
    start.mkdir(parents=True)
    a_config(tmp_path / second, "second")
    assert config_file.load(str(start)).workspace_name == "second"
    a_config(tmp_path / first, "first")
    assert config_file.load(str(start)).workspace_name == "first"  # v1-behaviours 1.2


def test_a_path_to_a_file_is_used_as_it_is(tmp_path: Path) -> None:
    place = a_config(tmp_path / "mine.json", "mine")
    assert config_file.load(str(place)).workspace_name == "mine"  # v1-behaviours 1.1


def test_with_a_file_name_only_that_one_is_looked_for(tmp_path: Path) -> None:
    a_config(tmp_path / "config.json", "usual")
    a_config(tmp_path / "other.json", "other")
    assert config_file.load(str(tmp_path), "other.json").workspace_name == "other"


def test_the_scope_form_wins_over_the_three_keys(tmp_path: Path) -> None:
    scope = "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.MachineLearningServices/workspaces/w1"
    a_config(tmp_path / "config.json", Scope=scope)
    assert config_file.load(str(tmp_path))[:3] == ("s1", "g1", "w1")  # v1-behaviours 1.3


def test_amlet_url_chooses_the_server(tmp_path: Path) -> None:
    a_config(tmp_path / "config.json", amlet_url="https://team:8787")
    assert config_file.load(str(tmp_path)).amlet_url == "https://team:8787"


def test_the_error_names_every_place_looked_at(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException) as caught:
        config_file.load(str(tmp_path), "nowhere-to-be-found.json")
    for folder in (".azureml/", "aml_config/", ""):
        assert f"{tmp_path}/{folder}nowhere-to-be-found.json" in caught.value.message
    assert caught.value.hint


def test_missing_keys_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"subscription_id": "s"}')
    with pytest.raises(UserErrorException, match="resource_group, workspace_name"):  # v1-behaviours 1.4
        config_file.load(str(tmp_path))


def test_a_broken_file_is_told_with_its_line_and_caught_as_v1s_callers_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"subscription_id": "s"\n "x"}')
    with pytest.raises(json.JSONDecodeError) as caught:  # v1-behaviours 1.4
        config_file.load(str(tmp_path))
    assert isinstance(caught.value, UserErrorException)
    assert "config.json is not JSON" in str(caught.value) and "line 2" in str(caught.value)


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    written = config_file.Config("s", "g", "w", "https://team")
    place = config_file.write(written, str(tmp_path), None)
    assert place == tmp_path / ".azureml" / "config.json"  # v1-behaviours 1.6
    assert json.loads(place.read_text())["Id"] is None
    assert config_file.load(str(tmp_path)) == written


def test_a_file_name_gets_the_json_extension(tmp_path: Path) -> None:
    (tmp_path / "aml_config").mkdir()
    place = config_file.write(config_file.Config("s", "g", "w", None), str(tmp_path), "mine.txt")
    assert place == tmp_path / "aml_config" / "mine.json"
