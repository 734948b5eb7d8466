"""Which workspace a command is about."""

from __future__ import annotations

import json

import pytest

from amlet.base.errors import InvalidInput
from amlet.cli import place
from amlet.sdk.config_file import Config
from amlet.sdk.connection import Names

CONFIG = Config("sub", "group", "team", "https://amlet.example.org")


@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [
        ("s1/g1/demo", CONFIG, Names("s1", "g1", "demo")),
        ("team", CONFIG, Names("sub", "group", "team")),
        ("default", CONFIG, Names("local", "local", "default")),
        # As Workspace.get("other") takes it.
        ("other", CONFIG, Names("local", "other-rg", "other")),
        ("default", None, Names("local", "local", "default")),
    ],
)
def test_a_name_means_the_workspace_of_config_json_or_of_workspace_get(text, config, expected):
    assert place.named(text, config) == expected


@pytest.mark.parametrize("text", ["", "a/b", "a/b/", "/x", "two words", "s/g/two words", "s/g/n/x"])
def test_what_cannot_be_a_workspace_is_refused(text):
    with pytest.raises(InvalidInput):
        place.named(text, None)


def test_the_config_json_of_a_folder_above_counts(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({"subscription_id": "s", "resource_group": "g", "workspace_name": "mine", "amlet_url": "http://h"})
    )
    (tmp_path / "below").mkdir()
    held = place.connection(None, tmp_path / "below")
    assert held.names == Names("s", "g", "mine")
    assert held.url == "http://h"


def test_a_folder_without_config_json_belongs_to_the_default_workspace(tmp_path):
    assert place.connection(None, tmp_path).names == place.DEFAULT
