"""Which run a command line means."""

from __future__ import annotations

import pytest

from amlet.base.errors import InvalidInput, NotFound
from amlet.cli import find_run as module
from amlet.cli.find_run import find_run


@pytest.fixture
def some(held, make_run):
    held.client.runs.kept = [make_run(name) for name in ("iris_3_aaaa1111", "iris_2_bbbb1111", "iris_1_cccc2222")]
    return held


def test_latest_is_the_newest(some):
    assert find_run(some, "latest").id == "iris_3_aaaa1111"


def test_a_whole_id_is_found(some):
    assert find_run(some, "iris_1_cccc2222").id == "iris_1_cccc2222"


def test_the_end_of_one_id_is_found(some):
    assert find_run(some, "2222").id == "iris_1_cccc2222"


def test_the_end_of_several_is_refused_with_their_ids(some):
    with pytest.raises(InvalidInput, match="2 runs end with '1111': iris_3_aaaa1111, iris_2_bbbb1111"):
        find_run(some, "1111")


def test_an_unknown_id_is_told_with_the_nearest(some):
    with pytest.raises(NotFound) as told:
        find_run(some, "iris_1_ccca2222")
    assert 'did you mean "iris_1_cccc2222"?' in str(told.value.hint)


@pytest.mark.parametrize("text", ["", "a b", "../x", "\x1b[31m"])
def test_what_cannot_be_an_id_is_not_found(some, text):
    with pytest.raises(NotFound):
        find_run(some, text)


def test_an_empty_workspace_says_so(held):
    with pytest.raises(NotFound, match="has no runs yet"):
        find_run(held, "latest")


def test_the_end_of_an_id_is_looked_for_page_by_page(held, make_run, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 10)
    held.client.runs.kept = [make_run(f"iris_{number}_abcd{number:04}") for number in range(35)]
    assert find_run(held, "0034").id == "iris_34_abcd0034"
