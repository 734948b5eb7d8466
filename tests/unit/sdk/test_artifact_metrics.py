"""Images and tables that are files of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amlet.base.paths import relative_path
from amlet.domain.metric import address_of, file_of
from amlet.sdk import artifact_metrics
from amlet.sdk.exceptions import AzureMLException, UserErrorException
from amlet.sdk.run import Run

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20

CONFUSION = {"class_labels": ["0", "1"], "matrix": [[4, 1], [0, 5]]}
ROWS = [[1, 2, 3, 4], [4, 3, 2, 1]]
ACCURACY = {
    "probability_tables": [ROWS, ROWS],
    "percentile_tables": [ROWS, ROWS],
    "probability_thresholds": [0.0, 1.0],
    "percentile_thresholds": [0.0, 1.0],
    "class_labels": ["0", "1"],
}
RESIDUALS = {"bin_edges": [0.0, 1.0, 2.0], "bin_counts": [3, 4]}
PREDICTIONS = {"bin_averages": [0.1, 0.2], "bin_errors": [0, 0.1], "bin_counts": [1, 2], "bin_edges": [0, 1, 2]}


def wrapped(kind: str, data: Any) -> dict[str, Any]:
    return {"schema_type": kind, "schema_version": "1.0.0", "data": data}


class Plot:
    def savefig(self, stream: Any, **options: str) -> None:
        assert options == {"format": "png"}
        stream.write(PNG)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"GIF89a", "gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "webp"),
        (b"BM", "bmp"),
        (b"II*\x00", "tiff"),
        (b"P6\n", "ppm"),
        (b"P5 ", "pgm"),
        (b"<?xml?><svg>", "svg"),
        (b"plain text", None),
        (b"", None),
    ],
)
def test_an_image_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    assert artifact_metrics.image_type(head) == kind  # v1-behaviours 4.9, without imghdr


def test_a_plot_becomes_a_png_named_after_metric_and_second(tmp_path: Path) -> None:
    run = Run.get_context()
    run.log_image("ROC", plot=Plot())
    run.log_image("ROC", plot=Plot())
    names = run.get_file_names()
    assert [name[:4] + name[-4:] for name in names] == ["ROC_.png"] * 2 and names[0] != names[1]
    assert names[0][4:-4].isdigit()  # v1-behaviours 4.9
    assert [image.content for image in run.get_metrics(populate=True)["ROC"]] == [PNG, PNG]


def test_an_image_file_is_kept_under_its_own_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.png").write_bytes(PNG)
    run = Run.get_context()
    run.log_image("i", path="./plots/a.png")
    assert run.get_file_names() == ["plots/a.png"]


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    run = Run.get_context()
    for arguments in ({}, {"path": "a", "plot": Plot()}, {"plot": object()}, {"path": str(tmp_path / "a.png")}):
        with pytest.raises(AzureMLException):  # v1-behaviours 4.9
            run.log_image("i", **arguments)
    with pytest.raises(UserErrorException, match="cannot be read"):
        run.log_image("i", path=str(tmp_path / "none.png"))
    assert run.get_metrics() == {}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("confusion_matrix", CONFUSION),
        ("accuracy_table", ACCURACY),
        ("residuals", RESIDUALS),
        ("predictions", PREDICTIONS),
    ],
)
def test_a_table_is_kept_under_the_metrics_own_name(kind: str, data: Any) -> None:
    run = Run.get_context()
    log = getattr(run, f"log_{kind}")
    log("my metric", wrapped(kind, data))
    log("as text", json.dumps(wrapped(kind, data)))
    assert run.get_file_names() == ["as text", "my metric"]  # v1-behaviours 4.10
    assert run.get_metrics()["my metric"] == f"aml://artifactId/ExperimentRun/dcid.{run.id}/my metric"
    assert run.get_metrics(populate=True)["as text"].data["data"] == data


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("confusion_matrix", {**CONFUSION, "matrix": [[1, 2]]}, "data.matrix: must have 2 entries"),
        ("confusion_matrix", {**CONFUSION, "matrix": [[1, 2], [3]]}, r"data.matrix\[1\]"),
        ("confusion_matrix", {"matrix": [[1]]}, "data.class_labels: is missing"),
        ("accuracy_table", {**ACCURACY, "percentile_thresholds": [1]}, r"percentile_tables\[0\]"),
        ("accuracy_table", {**ACCURACY, "probability_tables": [[[1, 2, 3]] * 2] * 2}, "TP, FP, TN, FN"),
        ("residuals", {**RESIDUALS, "bin_edges": [0, 1]}, "one more than bin_counts"),
        ("predictions", {**PREDICTIONS, "bin_errors": [1]}, "data.bin_errors: must have 2 entries"),
        ("predictions", {**PREDICTIONS, "bin_averages": ["a", "b"]}, "must hold numbers, not 'a'"),
        ("residuals", None, "data: must be a dict"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(kind: str, data: Any, told: str) -> None:
    with pytest.raises(UserErrorException, match=told):
        artifact_metrics.content_of(kind, "m", wrapped(kind, data))


def test_text_that_is_not_json_and_another_schema_are_refused() -> None:
    with pytest.raises(UserErrorException, match="is not JSON"):  # v1-behaviours 4.10
        artifact_metrics.content_of("residuals", "m", "{")
    with pytest.raises(UserErrorException, match="schema_type: must be 'residuals'"):
        artifact_metrics.content_of("residuals", "m", wrapped("predictions", RESIDUALS))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/a", "", "a//b", ".", "x\x00y", "é" * 300, "\ud800", "a/" * 4000]
)
def test_any_name_of_a_metric_makes_a_path_that_stays_inside(name: str) -> None:
    path = artifact_metrics.file_name(name)
    assert relative_path(path) == path


def test_an_address_names_the_run_and_the_path() -> None:
    assert file_of(address_of("run_1", "a/b c")) == ("run_1", "a/b c")  # v1-behaviours 3.12
    assert file_of("text") is None and file_of(3) is None
