"""Paths on datastores: what a pattern names, and where files keep their layout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.domain.data import DataPath, below, clean_path, common_root, folder_of, is_glob, matcher

parts = st.text(alphabet="ab.+(){}^$|ü", min_size=1, max_size=4).filter(lambda part: part not in (".", ".."))
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)


@given(paths)
def test_a_path_names_itself_and_what_lies_below_it(path: str) -> None:
    named = matcher(path).fullmatch
    assert named(path)
    assert named(path + "/x")
    assert not named(path + "x")
    assert matcher("").fullmatch(path)
    assert matcher("**").fullmatch(path)
    assert bool(matcher("*").fullmatch(path)) == ("/" not in path)


@given(paths, paths)
def test_what_a_pattern_names_lies_below_its_folder(folder: str, path: str) -> None:
    pattern = f"{folder}/**/*"
    assert folder_of(pattern) == folder
    assert matcher(pattern).fullmatch(f"{folder}/{path}")
    assert below(folder_of(pattern), f"{folder}/{path}") == path


@pytest.mark.parametrize(
    ("pattern", "path", "is_named"),
    [
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a/b/b/c", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].csv", "a.csv", True),
        ("[!ab].csv", "a.csv", False),
        ("[!ab].csv", "c.csv", True),
        ("[ab.csv", "[ab.csv", True),
        ("x[]]", "x]", True),
        ("/a//b/", "a/b/c", True),
    ],
)
def test_patterns(pattern: str, path: str, is_named: bool) -> None:
    assert bool(matcher(pattern).fullmatch(path)) == is_named


def test_files_keep_their_layout_below_the_folder_that_all_share() -> None:
    def root(*sources: str, files: tuple[str, ...] = ()) -> str:
        return common_root([DataPath("d", source) for source in sources], files)

    assert root("a/b") == "a/b"
    assert root("a/b/c.csv", files=("a/b/c.csv",)) == "a/b"
    assert root("a/b/*.csv", "a/c/*.csv") == "a"
    assert root("a/bc", "a/b") == "a"
    assert root("top.csv", files=("top.csv",)) == root("a", "b") == ""


def test_a_path_is_cleaned_of_what_means_nothing() -> None:
    assert clean_path("/a//./b/") == clean_path("a\\b") == "a/b"
    assert not is_glob("a/b")
