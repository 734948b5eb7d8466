"""Which files of a run a command line means."""

from __future__ import annotations

import pytest

from amlet.base.errors import NotFound
from amlet.cli.commands.download import chosen


@pytest.fixture
def files(make_file):
    return [make_file(path, 1) for path in ("logs/a.log", "outputs/deep/b", "outputs/m.txt", "outputs2/c")]


def paths(found):
    return [file.path for file in found]


def test_without_a_path_all_are_meant(files):
    assert chosen(files, [], "r") == files


def test_a_folder_means_what_lies_below_it_and_no_name_that_begins_alike(files):
    assert paths(chosen(files, ["outputs"], "r")) == ["outputs/deep/b", "outputs/m.txt"]
    assert paths(chosen(files, ["outputs/deep/"], "r")) == ["outputs/deep/b"]


def test_a_file_that_is_named_twice_is_meant_once(files):
    assert paths(chosen(files, ["outputs/m.txt", "outputs", "outputs/m.txt"], "r")) == [
        "outputs/m.txt",
        "outputs/deep/b",
    ]


def test_every_path_that_names_nothing_is_told(files):
    with pytest.raises(NotFound, match=r"'outputs/n\.txt', 'x'") as told:
        chosen(files, ["outputs/n.txt", "outputs", "x"], "r")
    assert 'did you mean "outputs/m.txt"' in str(told.value.hint)


@pytest.mark.parametrize("path", ["", "/", ".", "../outputs"])
def test_what_names_no_file_of_a_run_is_not_found(files, path):
    with pytest.raises(NotFound):
        chosen(files, [path], "r")
