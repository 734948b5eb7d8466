"""`amlet sweep trials`: the trials of a sweep, in an order."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.sweep_view import trials_table
from amlet.cli.terminal import Terminal
from amlet.domain.sweep import MAXIMIZE
from amlet.wire.sweeps import TrialQuery


@click.command("trials")
@click.argument("run", default="latest")
@click.option(
    "-o", "--order", default="metric", show_default=True, help="number, status, duration, metric, params.NAME."
)
@click.option("--reverse", is_flag=True, help="The other way round: the worst first.")
@click.option("--status", help="Only those of this status.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@workspace_options
@json_option
def command(
    run: str,
    order: str,
    reverse: bool,
    status: str | None,
    limit: int,
    workspace: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """The trials of the sweep RUN, the best first."""
    held = place.connection(workspace, folder)
    found = find_run(held, run)
    details = held.client.sweeps.get(held.workspace_id, found.id)
    best_first = order == "metric" and details.spec.primary.goal == MAXIMIZE
    query = TrialQuery(order, best_first != reverse, status, limit)
    page = held.client.sweeps.trials(held.workspace_id, found.id, query)
    if as_json:
        json_output.document(page.trials)
        return
    terminal = Terminal(sys.stdout)
    trials_table(terminal, details, page.trials)
    if page.total > len(page.trials):
        terminal.line(terminal.faint(f"{len(page.trials)} of {page.total}; -n shows more"))
