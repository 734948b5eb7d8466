"""Ignore rules, against git's own answers and against pathspec."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from amlet.base.ignore import DEFAULTS, IgnoreRules

# Patterns; paths of files that `git check-ignore --no-index` (2.39) ignores; paths that it does not.
GIT_SAYS = [
    (["*.pyc"], ["a.pyc", "a/b.pyc", "a.pyc/b"], ["pyc"]),
    (["/a"], ["a", "a/x"], ["b/a"]),
    (["a/"], ["a/x", "b/a/x"], ["a"]),
    (["a/b"], ["a/b", "a/b/c"], ["x/a/b"]),
    (["**/a"], ["a", "x/a", "x/y/a/z"], []),
    (["a/**"], ["a/x", "a/x/y"], ["a"]),
    (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
    (["a/*"], ["a/x", "a/x/y"], ["a"]),
    (["a/*", "!a/x"], ["a/y"], ["a/x", "a/x/z"]),
    (["a/", "!a/x"], ["a/x", "a/y"], []),
    (["*", "!*/", "!*.py"], ["b/a.txt"], ["a.py", "b/a.py"]),
    (["*.log", "!keep.log"], ["x.log"], ["keep.log", "d/keep.log"]),
    (["!keep.log", "*.log"], ["keep.log"], []),
    (["\\#a", "#b"], ["#a"], ["#b"]),
    (["\\!a"], ["!a"], ["a"]),
    (["a  "], ["a"], ["a  "]),
    (["a\\ "], ["a "], ["a"]),
    (["a\t"], ["a\t"], ["a"]),
    (["a\\"], [], ["a", "a\\"]),
    (["[ab]"], ["a", "b"], ["c", "[ab]"]),
    (["[!a]"], ["b"], ["a"]),
    (["[^a]"], ["b", "^"], ["a"]),
    (["[]a]"], ["]", "a"], ["b"]),
    (["[a"], [], ["[a", "a"]),
    (["[c-a]"], ["c"], ["a", "b"]),
    (["[a-]"], ["-", "a"], ["b"]),
    (["[[:digit:]]x"], ["1x"], ["ax", ":x"]),
    (["[[:nope:]]"], [], ["n", "["]),
    (["a[/]b"], [], ["a/b"]),
    (["x[!a]y/z"], ["xby/z"], ["x/y/z", "xay/z"]),
    (["a?b"], ["axb"], ["a/b"]),
    (["a//"], [], ["a", "a/x"]),
    (["/"], [], ["a"]),
    (["!"], [], ["a"]),
    (["**"], ["a", "a/b"], []),
    (["a*/c"], ["ab/c"], ["ab/x/c"]),
    (["*.tmp\r"], ["x.tmp"], []),
    (["a/**/"], ["a/x/y"], ["a/x"]),
    (["x**y"], ["xy", "xzy"], []),
]

SEGMENTS = st.sampled_from(["a", "b", "ab", "ba", ".x", "a.x", "*", "a b", "c", "é", "#"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
PIECES = st.lists(
    st.sampled_from(["a", "b", "ab", ".x", "*", "?", "[ab]", "[a-c]", "\\*", "#", " b", "é"]), min_size=1, max_size=3
)
PARTS = PIECES.map("".join) | st.just("**")


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Patterns of which git and pathspec think alike.

    Not among them: `[!a]` and `[/]` (pathspec lets them match a slash), `[[:alpha:]]` (pathspec knows no classes),
    `[b-a]`, `!` and a backslash at the end (pathspec raises), `[a` (pathspec takes it literally), `a/**/` (pathspec
    lets it match `a`), and `!` before a folder (pathspec applies it to what lies below as well). In all of these the
    rules follow git.
    """
    body = "/".join(draw(st.lists(PARTS, min_size=1, max_size=3)))
    end = draw(st.sampled_from(["", "", " "] if body.endswith("**") else ["", "", " ", "/"]))
    return draw(st.sampled_from(["", "", "/"])) + body + end


def walked(spec: GitIgnoreSpec, path: str) -> bool:
    """Pathspec's verdict as a walk would reach it: folder by folder."""
    parts = path.split("/")
    return any(spec.match_file("/".join(parts[:end]) + "/") for end in range(1, len(parts))) or spec.match_file(path)


@pytest.mark.parametrize(("lines", "ignored", "kept"), GIT_SAYS, ids=lambda value: repr(value)[:30])
def test_git_agrees(lines: list[str], ignored: list[str], kept: list[str]) -> None:
    rules = IgnoreRules.parse(lines)
    assert [path for path in ignored + kept if rules.ignores(path, False)] == ignored


@settings(deadline=None)
@given(st.lists(patterns(), min_size=1, max_size=4), st.lists(PATHS, min_size=1, max_size=8))
@example(["**/a/**"], ["b/a/c", "a", "b/a"])
def test_pathspec_agrees(lines: list[str], paths: list[str]) -> None:
    rules, spec = IgnoreRules.parse(lines), GitIgnoreSpec.from_lines(lines)
    for path in paths:
        assert rules.ignores(path, False) == walked(spec, path), path


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "!"]), patterns()).map("".join), max_size=6), PATHS, st.booleans())
def test_the_last_pattern_that_matches_decides(lines: list[str], path: str, is_folder: bool) -> None:
    verdicts = [IgnoreRules.parse([line]).decide(path, is_folder) for line in lines]
    spoken = [verdict for verdict in verdicts if verdict is not None]
    assert IgnoreRules.parse(lines).decide(path, is_folder) == (spoken[-1] if spoken else None)


@settings(deadline=None)
@given(st.text(alphabet="ab*?[]!^-\\/ #:\t", max_size=12), PATHS)
def test_no_line_is_an_error(line: str, path: str) -> None:
    IgnoreRules.parse([line]).ignores(path, False)


def test_a_double_star_within_a_name_is_a_single_one() -> None:
    rules = IgnoreRules.parse(["a**/b"])
    assert rules.ignores("ax/b", False)
    assert not rules.ignores("a/x/b", False)  # as gitignore(5) and pathspec say; git itself ignores it, and `ab` too


def test_one_sign_is_one_character() -> None:
    assert IgnoreRules.parse(["?"]).ignores("é", False)  # as pathspec; git takes bytes


def test_a_trailing_slash_speaks_of_folders_only() -> None:
    rules = IgnoreRules.parse(["data/"])
    assert rules.ignores("data", True)
    assert not rules.ignores("data", False)


def test_lines_may_keep_their_ends_and_begin_with_a_mark() -> None:
    rules = IgnoreRules.parse(["\ufeffa\r\n", "b\n"])
    assert rules.ignores("a", False)
    assert rules.ignores("b", False)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "src/.git/config",
        "src/__pycache__/a.pyc",
        "a.pyc",
        "outputs/m.joblib",
        "logs/a.txt",
        ".DS_Store",
        "node_modules/x/y.js",
        ".azureml/env.yml",
        "aml_config/local.runconfig",
        "nb/.ipynb_checkpoints/a.ipynb",
    ],
)
def test_defaults_leave_out_what_no_run_needs(path: str) -> None:
    assert IgnoreRules.parse(DEFAULTS).ignores(path, False)


@pytest.mark.parametrize(
    "path",
    ["config.json", ".azureml/config.json", "aml_config/config.json", "src/outputs/a.csv", "src/logs/a", ".gitignore"],
)
def test_defaults_keep_configs_and_outputs_below_the_root(path: str) -> None:
    assert not IgnoreRules.parse(DEFAULTS).ignores(path, False)


def test_an_ignore_file_may_include_what_the_defaults_leave_out() -> None:
    assert not IgnoreRules.parse((*DEFAULTS, "!/outputs/")).ignores("outputs/pretrained.joblib", False)


def test_many_stars_do_not_take_long() -> None:
    rules = IgnoreRules.parse(["**/" * 30 + "a" + "/**" * 3])
    assert not rules.ignores("/".join("b" * 60), False)
