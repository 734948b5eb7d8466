"""`amlet metrics`: what a run logged."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from amlet.base.errors import NotFound
from amlet.base.names import closest
from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.plot import BRAILLE, plot
from amlet.cli.terminal import Terminal, plain
from amlet.cli.values import metric_text
from amlet.sdk.connection import Connection
from amlet.wire.runs import Chart, ChartQuery, MetricQuery

POINTS = 500
WIDEST = 100


@click.command("metrics")
@click.argument("run_text", metavar="RUN")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--chart", is_flag=True, help="Draw the numbers, of millions of points too.")
@workspace_options
@json_option
def command(run_text: str, name: str | None, chart: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Print the metrics of RUN, a line each; with NAME all values of that one, a line each.

    RUN is an id, the end of one, or `latest`.
    """
    held = place.connection(workspace, folder)
    run_id = find_run(held, run_text).id
    out = Terminal(sys.stdout)
    if chart:
        charts = _charts(held, run_id, name)
        if as_json:
            json_output.document(charts)
        else:
            _draw(out, charts)
        return
    values = held.client.runs.metrics(held.workspace_id, run_id, MetricQuery(name)).values
    if name is not None and name not in values:
        raise _unknown(held, run_id, name)
    if as_json:
        json_output.document(values)
    elif name is not None:
        _print_one(out, values[name])
    elif values:
        out.facts((plain(one), metric_text(value)) for one, value in values.items())
    else:
        print(f"Run {run_id} has logged nothing.", file=sys.stderr)


def _unknown(held: Connection, run_id: str, name: str) -> NotFound:
    known = list(held.client.runs.metrics(held.workspace_id, run_id).values)
    return NotFound(
        f"Run {run_id} has no metric {name[:200]!r}.",
        hint=closest(name, known) + (f"It has: {', '.join(known[:20])}." if known else "It has logged nothing."),
    )


def _charts(held: Connection, run_id: str, name: str | None) -> dict[str, Chart]:
    """What can be drawn: the metric asked for, else all that have two numbers at least."""
    names = [name] if name is not None else list(held.client.runs.metrics(held.workspace_id, run_id).values)
    found = {}
    for one in names:
        try:
            chart = held.client.runs.chart(held.workspace_id, run_id, ChartQuery(one, POINTS))
        except NotFound as error:
            raise _unknown(held, run_id, one) from error
        if len(chart.value) > (0 if name is not None else 1):
            found[one] = chart
    if not found:
        what = f"metric {name[:200]!r} of run {run_id} holds" if name is not None else f"run {run_id} has logged"
        raise NotFound(f"There is nothing to draw: {what} no series of numbers.", hint="leave out --chart.")
    return found


def _draw(out: Terminal, charts: dict[str, Chart]) -> None:
    columns = min(shutil.get_terminal_size().columns - 1, WIDEST)
    for number, (name, chart) in enumerate(charts.items()):
        out.line(("\n" if number else "") + out.strong(plain(name)) + f"  {chart.total:,} points")
        for line in plot(chart.place, chart.value, columns=columns, braille=_has_braille(out.stream)):
            out.line(line)


def _has_braille(stream: TextIO) -> bool:
    try:
        chr(BRAILLE).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _print_one(out: Terminal, value: Any) -> None:
    if isinstance(value, dict):
        columns = [column if isinstance(column, list) else [column] for column in value.values()]
        longest = max(map(len, columns), default=0)
        rows: list[Sequence[str]] = [
            [plain(column[row]) if row < len(column) else "" for column in columns] for row in range(longest)
        ]
        out.table([plain(name) for name in value], rows)
        return
    for one in value if isinstance(value, list) else [value]:
        out.line(plain(one))
