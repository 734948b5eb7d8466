"""Metrics on a page: single values, series with a chart, tables, files, and a limit to all of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from amlet.domain.metric import (
    ACCURACY_TABLE,
    CONFUSION_MATRIX,
    IMAGE,
    LIST,
    PREDICTIONS,
    RESIDUALS,
    ROW,
    SCALAR,
    TABLE,
    Point,
    address_of,
)
from amlet.server.studio.metric_reading import LATEST, METRICS_LIMIT, Held
from amlet.server.studio.metric_views import ITEMS_LIMIT, ROWS_LIMIT, Item, MetricsView, metrics_view
from amlet.server.studio.run_files import RunFiles
from amlet.store.base import FileRecord, MetricSummary
from amlet.wire.runs import Chart
from support.studio import a_run, shaped

RUN = a_run("r1")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def summary(name: str, points: int = 1) -> MetricSummary:
    return MetricSummary(name, SCALAR, points, 1.0, 2.5, 0.5, 9.0, None)


def view(kind: str, *values: Any, steps: bool = False) -> MetricsView:
    points = [Point("m", kind, value, place if steps else None, 0.0) for place, value in enumerate(values)]
    return metrics_view([summary("m", len(points))], {"m": Held(points, None, len(points))}, no_files())


def no_files() -> RunFiles:
    return RunFiles(RUN, [], lambda sha256, limit: None)


def item(kind: str, content: bytes, path: str = "file", *, address: str | None = None) -> Item:
    """What is shown of a file with this content."""
    files = RunFiles(RUN, [FileRecord(path, len(content), "a" * 64, None)], lambda sha256, limit: content[:limit])
    point = Point("m", kind, address or address_of(RUN.id, path), None, 0.0)
    (panel,) = metrics_view([summary("m")], {"m": Held([point], None, 1)}, files).panels
    (found,) = panel.items
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.97368421, "0.973684"), (3, "3"), ("linear", "linear"), (True, "True"), (None, "None"), (float("nan"), "nan")],
)
def test_a_value_logged_once_is_told_as_it_is(value: object, text: str) -> None:
    (told,) = view(SCALAR, value).values
    assert (told.name, told.text) == ("m", text)


def test_numbers_logged_more_than_once_have_a_chart() -> None:
    (series,) = view(SCALAR, 3.0, 1, 2.5).series
    assert (series.last, series.points, series.low, series.high, series.over) == ("2.5", 3, "1", "3", "")
    assert series.chart is not None


def test_steps_are_told_when_all_values_have_one() -> None:
    (series,) = view(SCALAR, 3.0, 1.0, 2.5, steps=True).series
    assert series.over == "steps 0 to 2"


def test_texts_logged_more_than_once_are_listed_within_a_limit() -> None:
    (told,) = view(SCALAR, *("abc"[place % 3] for place in range(ITEMS_LIMIT + 5))).values
    assert told.text.startswith("a, b, c, ")
    assert told.text.endswith(" and 5 more")


def test_a_list_of_numbers_is_a_series_and_an_empty_one_is_said() -> None:
    assert view(LIST, [1.0, 2.0], [3.0]).series[0].points == 3
    assert view(LIST, []).values[0].text == "[]"


def test_rows_are_a_table_of_their_columns() -> None:
    (grid,) = view(ROW, {"x": 1, "y": "a"}, {"x": 2, "y": "b"}).grids
    assert (grid.columns, grid.rows, grid.rows_left) == (["x", "y"], [["1", "a"], ["2", "b"]], 0)


def test_a_long_table_is_cut_and_says_so() -> None:
    (grid,) = view(TABLE, {"x": list(range(ROWS_LIMIT + 7))}).grids
    assert (len(grid.rows), grid.rows_left) == (ROWS_LIMIT, 7)


def test_rows_that_do_not_fit_together_are_one_table_with_gaps() -> None:
    (grid,) = view(ROW, {"x": 1}, {"y": 2}).grids
    assert (grid.columns, grid.rows) == (["x", "y"], [["1", ""], ["", "2"]])


def test_a_metric_that_was_thinned_has_its_chart_and_its_last_value() -> None:
    chart = Chart([0, 5, 9], [1.0, float("nan"), 3.5], [None] * 3, [0.0] * 3, 10)
    (series,) = metrics_view([summary("m", 10)], {"m": Held([], chart, 10)}, no_files()).series
    assert (series.last, series.points, series.low, series.high) == ("3.5", 10, "1", "3.5")


@pytest.mark.parametrize("content", [PNG, b"\xff\xd8\xff\xe0", b"GIF89a..", b"RIFF\0\0\0\0WEBPVP8 "])
def test_an_image_that_browsers_know_is_shown(content: bytes) -> None:
    found = item(IMAGE, content, "a b/ü.png")
    assert found.image == "/w/ws_1/e/r1/r/r1/image?path=a+b%2F%C3%BC.png"
    assert found.note == ""


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"", b"RIFF\0\0\0\0WAVE", b"BM", b"%PDF-1.7"]
)
def test_what_is_none_of_these_images_is_only_linked(content: bytes) -> None:
    found = item(IMAGE, content, "x.png")
    assert (found.image, "no PNG" in found.note, "path=x.png" in found.href) == ("", True, True)


def test_a_file_of_another_run_is_not_reached_through_a_metric() -> None:
    for address in (address_of("other", "file"), "file", "aml://artifactId/x", "/etc/passwd"):
        found = item(IMAGE, PNG, address=address)
        assert (found.image, found.href) == ("", "")


def test_a_file_that_is_not_there_is_said() -> None:
    assert "not there" in item(IMAGE, PNG, address=address_of(RUN.id, "gone.png")).note


def test_the_latest_files_of_a_metric_are_shown() -> None:
    files = RunFiles(RUN, [FileRecord(str(n), 9, "a" * 64, None) for n in range(9)], lambda sha256, limit: PNG[:limit])
    points = [Point("m", IMAGE, address_of(RUN.id, str(n)), None, 0.0) for n in range(9)]
    (panel,) = metrics_view([summary("m", 9)], {"m": Held(points, None, 9)}, files).panels
    assert ([one.path for one in panel.items], panel.left) == (["5", "6", "7", "8"], 9 - LATEST)


def test_a_confusion_matrix_is_a_table_with_shades_by_the_true_class() -> None:
    found = item(CONFUSION_MATRIX, shaped(CONFUSION_MATRIX)).drawn
    assert found and found.confusion
    assert found.confusion.labels == ["a", "b"]
    (a, cells), _ = found.confusion.rows
    assert (a, [cell.text for cell in cells], [cell.heat for cell in cells]) == ("a", ["9", "1"], [9, 1])


def test_an_accuracy_table_is_two_plots_and_the_numbers_of_each_class() -> None:
    found = item(ACCURACY_TABLE, shaped(ACCURACY_TABLE)).drawn
    assert found
    assert [title for title, _ in found.plots] == ["ROC", "Precision and recall"]
    assert [table.title for table in found.tables] == ["a", "b"]
    assert found.tables[0].rows[1] == ["0.5", "8", "2", "8", "2", "0.8", "0.8"]


@pytest.mark.parametrize("kind", [RESIDUALS, PREDICTIONS])
def test_residuals_and_predictions_are_a_plot_with_its_numbers(kind: str) -> None:
    found = item(kind, shaped(kind)).drawn
    assert found
    assert len(found.plots) == 1
    assert len(found.tables[0].rows) == 2


@pytest.mark.parametrize("kind", [CONFUSION_MATRIX, ACCURACY_TABLE, RESIDUALS, PREDICTIONS])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{" * 10_000,
        b"[" * 100_000,
        b'{"data": 1}',
        b'{"data": {}}',
        b'{"data": {"class_labels": [1], "matrix": [["x"]], "bin_edges": "no", "bin_counts": {}}}',
        b'{"data": {"class_labels": [], "matrix": [[1]], "probability_thresholds": [1], "probability_tables": [1]}}',
        b'{"data": {"bin_edges": [1], "bin_counts": [1, 2]}}',
        b'{"data": {"bin_edges": [1, 1' + b"0" * 400 + b'], "bin_counts": [1]}}',
        b"\xff\xfe",
        b" " * (3 << 20),
    ],
    ids=lambda content: repr(content[:40]),
)
def test_a_file_of_another_shape_is_linked_and_said(kind: str, content: bytes) -> None:
    found = item(kind, content)
    assert found.drawn is None
    assert found.note.startswith("It cannot be drawn: ")
    assert found.href


@pytest.mark.parametrize("kind", [CONFUSION_MATRIX, ACCURACY_TABLE, RESIDUALS, PREDICTIONS])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e308", "-1e308", "0"])
def test_no_number_is_too_strange_to_draw(kind: str, value: str) -> None:
    content = re.sub(rb"(?<=[\[ ])-?\d+(\.\d+)?(?=[,\]])", value.encode(), shaped(kind))
    assert value.encode() in content
    assert item(kind, content).drawn is not None


@pytest.mark.parametrize("value", [10**400, "x" * 10_000, "\ud800", {"a": 1}, [1, [2]], b"bytes", float("inf")])
def test_no_value_is_too_strange_for_a_page(value: object) -> None:
    for kind in (SCALAR, LIST, ROW, TABLE):
        found = view(kind, value, value)
        assert sum(len(part) for part in (found.values, found.series, found.grids)) == 1


def test_a_metric_that_was_not_read_is_shown_by_its_summary() -> None:
    (series,) = metrics_view([summary("big", 10_000_000)], {}, no_files()).series
    assert (series.last, series.points, series.low, series.high, series.chart) == ("2.5", 10_000_000, "0.5", "9", None)


def test_more_metrics_than_a_page_can_show_are_counted() -> None:
    found = metrics_view([summary(f"m{number}") for number in range(METRICS_LIMIT + 3)], {}, no_files())
    assert (len(found.series), found.left) == (METRICS_LIMIT, 3)
