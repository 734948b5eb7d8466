"""What differs between two runs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from amlet.domain.artifact import Entry
from amlet.domain.comparison import (
    LINES_LIMIT,
    TEXT_LIMIT_BYTES,
    Difference,
    FileDifference,
    Side,
    compare,
    differences,
    file_diff,
    files_of,
    mark_of,
    packages_of,
)
from amlet.domain.environment import EnvironmentSpec, Package, lock_of
from amlet.domain.job import Job, parameters_of
from amlet.domain.metric import address_of
from amlet.domain.run import Run

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


def run_of(run_id: str = "left_1", **changes: Any) -> Run:
    return Run(
        "ws",
        run_id,
        "iris",
        1,
        None,
        "Completed",
        run_id,
        "local",
        0,
        {},
        {},
        [],
        [],
        None,
        None,
        None,
        NOW,
        NOW,
        NOW,
        1,
    )._replace(**changes)


def side_of(*arguments: str, packages: str = "numpy 1.0", **changes: Any) -> Side:
    found = [Package(*item.split()) for item in packages.split(",")]
    job = Job(EnvironmentSpec("env", python="3.8"), "tree", script="train.py", arguments=list(arguments))
    lock = lock_of("3.8", "linux", packages, found)
    side = Side(run_of(parameters=parameters_of(list(arguments))), job, lock)
    return side._replace(**changes)


def entry_of(path: str, mark: str = "a", size_bytes: int = 1, *, executable: bool = False) -> Entry:
    return Entry(path, mark * 64, size_bytes, executable)


def test_a_run_and_itself_do_not_differ():
    side = side_of("--C", "1", "data.csv", metrics={"nan": float("nan"), "rows": {"a": [1, float("nan")]}})
    assert compare(side, side).is_empty


def test_parameters_scripts_and_arguments_without_a_name_are_compared():
    found = compare(side_of("--kernel", "rbf", "--C=1", "a.csv"), side_of("--kernel", "linear", "b.csv", "--fast"))
    assert found.parameters == [
        Difference("(arguments without a name)", "a.csv", "b.csv"),
        Difference("C", "1", None, "left"),
        Difference("fast", None, "true", "right"),
        Difference("kernel", "rbf", "linear"),
    ]


def test_packages_come_from_the_locks_or_from_a_list():
    left = side_of(packages="numpy 1.0,scipy 1.5")
    right = Side(run_of(), packages=packages_of("numpy==1.1\n# no package\nscipy==1.5\njoblib==1\n"))
    assert compare(left, right).packages == [
        Difference("joblib", None, "1", "right"),
        Difference("numpy", "1.0", "1.1"),
    ]


def test_a_tag_without_a_value_is_not_a_missing_tag():
    assert differences({"a": None}, {"a": None}) == []
    assert differences({"a": None}, {}) == [Difference("a", None, None, "left")]
    assert differences({"a": None}, {"a": ""}) == [Difference("a", None, "")]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 1.0, False),
        ([1, 2], [1, 2, 3], False),
        ({"a": [float("nan")]}, {"a": [float("nan")]}, True),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
)
def test_values_are_the_same_when_equal_and_nan_is_nan(left, right, same):
    assert (differences({"x": left}, {"x": right}) == []) is same


def test_files_that_metrics_are_are_compared_by_content_not_by_name():
    one, other = ({"roc": address_of(name, f"roc_{name}.png")} for name in ("left_1", "right_1"))
    assert files_of({**one, "x": [1, 2], "both": [one["roc"], "text"]}) == ["roc_left_1.png"]
    left = side_of(metrics=one, file_marks={"roc_left_1.png": mark_of("a" * 64, 5)})
    same = side_of(metrics=other, file_marks={"roc_right_1.png": mark_of("a" * 64, 5)})
    assert compare(left, same).metrics == []
    assert len(compare(left, same._replace(file_marks={"roc_right_1.png": mark_of("b" * 64, 5)})).metrics) == 1


def test_environment_machine_and_origin_are_told_apart():
    left = side_of()
    properties = {"amlet.host": "b", "azureml.git.commit": "c", "amlet.python_version": "3.9.1", "other": "x"}
    right = left._replace(run=left.run._replace(properties=properties, target="cpu"))
    found = compare(left, right)
    assert [item.name for item in found.environment] == ["amlet.python_version"]
    assert [item.name for item in found.machine] == ["amlet.host", "target"]
    assert [item.name for item in found.origin] == ["azureml.git.commit"]


def test_sources_are_compared_by_path_content_and_mode():
    left = [entry_of("a.py"), entry_of("b.py"), entry_of("c.sh"), entry_of("same.py")]
    right = [entry_of("b.py", "b"), entry_of("c.sh", executable=True), entry_of("d.py"), entry_of("same.py")]
    found = compare(side_of(sources=left), side_of(sources=right)).code
    assert [(item.path, item.left is None, item.right is None) for item in found] == [
        ("a.py", False, True),
        ("b.py", False, False),
        ("c.sh", False, False),
        ("d.py", True, False),
    ]


def test_a_changed_file_is_told_as_a_unified_diff():
    found = FileDifference("a b.py", entry_of("a b.py"), entry_of("a b.py", "b"))
    assert file_diff(found, b"one\ntwo\x0cpage\n", b"one\n2").lines == [
        "--- a/a b.py",
        "+++ b/a b.py",
        "@@ -1,2 +1,2 @@",
        " one",
        "-two\x0cpage",
        "+2",
        "\\ No newline at end of file",
    ]


def test_an_added_file_begins_at_nothing():
    lines = file_diff(FileDifference("new.py", None, entry_of("new.py")), None, b"x\n").lines
    assert lines == ["--- /dev/null", "+++ b/new.py", "@@ -0,0 +1 @@", "+x"]


@pytest.mark.parametrize("data", [b"\x89PNG\0", b"\xff\xfe"])
def test_a_binary_file_is_named_only(data):
    found = FileDifference("m.bin", entry_of("m.bin"), entry_of("m.bin", "b"))
    assert file_diff(found, b"text\n", data) == ("m.bin", [], "binary")


def test_a_large_file_is_named_only():
    large = FileDifference("m.csv", entry_of("m.csv", size_bytes=TEXT_LIMIT_BYTES + 1), None)
    assert file_diff(large, None, None).note == "too large to compare line by line"
    long = FileDifference("m.csv", entry_of("m.csv"), entry_of("m.csv", "b"))
    assert "lines" in str(file_diff(long, b"x\n" * (LINES_LIMIT + 1), b"").note)


def test_a_file_whose_mode_alone_changed_says_so():
    found = FileDifference("c.sh", entry_of("c.sh"), entry_of("c.sh", executable=True))
    assert file_diff(found, b"x", b"x").note == "only whether it may be executed"
