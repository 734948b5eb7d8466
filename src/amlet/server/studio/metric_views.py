"""A run's metrics as a page shows them: single values, series with a chart, tables, images and drawn files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from amlet.domain.metric import ARTIFACTS, IMAGE, LIST, ROW, SCALAR, TABLE, Point, file_of
from amlet.server.studio import images
from amlet.server.studio.artifact_views import TEXT_LIMIT_BYTES, Drawn, Misshapen, drawn
from amlet.server.studio.charts import Chart, as_number, line_chart
from amlet.server.studio.metric_reading import LATEST, METRICS_LIMIT, Held
from amlet.server.studio.run_files import RunFiles
from amlet.server.studio.words import number
from amlet.store.base import MetricSummary
from amlet.wire import pages

ROWS_LIMIT = 10
COLUMNS_LIMIT = 12
ITEMS_LIMIT = 30


class Value(NamedTuple):
    """A metric that was logged once, or is no number."""

    name: str
    href: str
    text: str


class Series(NamedTuple):
    """Numbers logged one after another. `chart` is None when there are too many to read for a page."""

    name: str
    href: str
    last: str
    points: int
    low: str
    high: str
    over: str
    chart: Chart | None


class Grid(NamedTuple):
    """Rows or tables: the first rows and columns. `rows_left` is None when nobody counted them."""

    name: str
    href: str
    columns: list[str]
    rows: list[list[str]]
    rows_left: int | None
    columns_left: int


class Item(NamedTuple):
    """A file that a metric stands for: an image, a drawing, or a word on why there is none."""

    path: str
    href: str
    image: str = ""
    drawn: Drawn | None = None
    note: str = ""


class Panel(NamedTuple):
    """The latest files of a metric; `left` are before them."""

    name: str
    href: str
    items: list[Item]
    left: int


class MetricsView(NamedTuple):
    """All metrics of a run, in the order of their first point."""

    values: list[Value]
    series: list[Series]
    grids: list[Grid]
    panels: list[Panel]
    left: int
    """Metrics that are not shown."""


class Numbers(NamedTuple):
    """Numbers to draw; `steps` only where every one has its own."""

    places: list[float]
    steps: list[float] | None
    values: list[float | None]
    last: str


def metrics_view(summaries: Sequence[MetricSummary], held: Mapping[str, Held], files: RunFiles) -> MetricsView:
    """Shape metrics for a page.

    Args:
        summaries: All metrics of the run.
        held: What was read of them, by metric.
    """
    view = MetricsView([], [], [], [], max(0, len(summaries) - METRICS_LIMIT))
    run = files.run
    for summary in summaries[:METRICS_LIMIT]:
        name = summary.name
        href = pages.metric_page(run.workspace_id, run.experiment, run.id, name)
        found = held.get(name)
        if found is None or not (found.points or found.chart):
            view.series.append(_summed(summary, href))
        elif found.chart is not None or found.points[0].kind in (SCALAR, LIST):
            _add_values(view, name, href, found)
        elif found.points[0].kind in (ROW, TABLE):
            view.grids.append(_grid(name, href, found))
        else:
            latest = [point for point in found.points[-LATEST:] if point.kind in ARTIFACTS]
            shown = [item_of(point, files) for point in latest]
            view.panels.append(Panel(name, href, shown, found.total - len(shown)))
    return view


def numbers_of(held: Held) -> Numbers | None:
    """What can be drawn as a line; None for less than two values, or when none is a number."""
    if held.chart is not None:
        chart = held.chart
        steps = [float(step) for step in chart.step if step is not None]
        return Numbers(
            [float(place) for place in chart.place],
            steps if len(steps) == len(chart.value) else None,
            [*chart.value],
            number(chart.value[-1]),
        )
    values, logged = _flat(held.points)
    numbers = [as_number(value) for value in values]
    if len(values) < 2 or all(value is None for value in numbers):
        return None
    by_step = all(step is not None for step in logged) and all(point.kind == SCALAR for point in held.points)
    return Numbers(
        [float(place) for place in range(len(values))],
        [float(step or 0) for step in logged] if by_step else None,
        numbers,
        number(values[-1]),
    )


def item_of(point: Point, files: RunFiles) -> Item:
    """The file that a point stands for."""
    place = file_of(point.value)
    if place is None or place[0] != files.run.id:
        return Item("", "", note=f"It is no file of this run: {number(point.value)}")
    path = place[1]
    record, href = files.find(path), files.href(path)
    if record is None:
        return Item(path, "", note="The file is not there yet." if not files.run.is_over else "The file is not there.")
    if point.kind == IMAGE:
        if images.media_type(files.read(path, images.HEAD_BYTES) or b"") is None:
            return Item(path, href, note="Not shown here: it is no PNG, JPEG, GIF or WebP.")
        if record.size_bytes > images.LIMIT_BYTES:
            return Item(path, href, note="Too large to be shown here.")
        return Item(path, href, image=files.image(path))
    content = files.read(path, TEXT_LIMIT_BYTES + 1)
    if content is None:
        return Item(path, href, note="It is not drawn here.")
    try:
        return Item(path, href, drawn=drawn(point.kind, content))
    except Misshapen as error:
        return Item(path, href, note=f"It cannot be drawn: {error}.")


def rows_of(point: Point) -> list[dict[str | None, Any]]:
    """A point as rows, cells by column; a value that has no column stands under None."""
    value = point.value
    if point.kind in (ROW, TABLE) and isinstance(value, dict):
        columns = {str(name): cells if isinstance(cells, list) else [cells] for name, cells in value.items()}
        height = max(map(len, columns.values()), default=0)
        return [{name: cells[row] for name, cells in columns.items() if row < len(cells)} for row in range(height)]
    if point.kind == LIST and isinstance(value, list):
        return [{None: item} for item in value]
    return [{None: value}]


def _flat(points: Sequence[Point]) -> tuple[list[Any], list[int | None]]:
    values: list[Any] = []
    steps: list[int | None] = []
    for point in points:
        items = point.value if point.kind == LIST and isinstance(point.value, list) else [point.value]
        values.extend(items)
        steps.extend([point.step] * len(items))
    return values, steps


def _summed(summary: MetricSummary, href: str) -> Series:
    told = (_told(summary.last), summary.points, _told(summary.min), _told(summary.max))
    return Series(summary.name, href, *told, "", chart=None)


def _told(value: float | None) -> str:
    return "–" if value is None else number(value)  # noqa: RUF001 - a dash where there is no number


def _add_values(view: MetricsView, name: str, href: str, held: Held) -> None:
    numbers = numbers_of(held)
    if numbers is None:
        values, _ = _flat(held.points)
        shown = ", ".join(number(value) for value in values[:ITEMS_LIMIT])
        more = len(values) - ITEMS_LIMIT + held.total - len(held.points)
        view.values.append(Value(name, href, f"{shown} and {more:,} more" if more > 0 else shown or "[]"))
        return
    chart = line_chart(numbers.steps or numbers.places, numbers.values)
    view.series.append(
        Series(
            name,
            href,
            numbers.last,
            held.total if held.chart else len(numbers.values),
            _told(chart.low if chart else None),
            _told(chart.high if chart else None),
            f"steps {chart.x_from:.0f} to {chart.x_to:.0f}" if chart and numbers.steps else "",
            chart,
        )
    )


def _grid(name: str, href: str, held: Held) -> Grid:
    rows = [row for point in held.points for row in rows_of(point)]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    shown = columns[:COLUMNS_LIMIT]
    cells = [[number(row[column]) if column in row else "" for column in shown] for row in rows[:ROWS_LIMIT]]
    left = len(rows) - len(cells) if held.total == len(held.points) else None
    return Grid(name, href, [column or "value" for column in shown], cells, left, len(columns) - len(shown))
