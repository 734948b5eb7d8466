"""`amlet sweep explain`: what the policy decided, and by which numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.base.errors import NotFound
from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.sweep import NO_TERMINATION, Decision
from amlet.sdk.connection import Connection
from amlet.wire.sweeps import DecisionQuery

PAGE = 10_000
HEAD = ("TRIAL", "REPORT", "ENDED", "WHY")


@click.command("explain")
@click.argument("run", default="latest")
@click.option("--ended", is_flag=True, help="Only decisions that ended a trial.")
@workspace_options
@json_option
def command(run: str, ended: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Every decision of a sweep's policy, of all trials or, where RUN is a trial, of it alone."""
    held = place.connection(workspace, folder)
    found = find_run(held, run)
    sweep, trial = (found.parent_id, found.id) if found.parent_id is not None else (found.id, None)
    details = held.client.sweeps.get(held.workspace_id, sweep)
    told = [decision for decision in _decisions(held, sweep, trial) if decision.ends or not ended]
    if as_json:
        json_output.document(told)
        return
    if not told:
        if details.spec.policy.name == NO_TERMINATION:
            raise NotFound(f"Sweep {sweep} has no policy: every trial goes to its end.")
        logged = details.state.best_value is not None
        why = "none has reached a report that it looks at" if logged else "no trial has logged the primary metric"
        raise NotFound(f"The policy {details.spec.policy.name} of {sweep} has decided nothing: {why}.")
    rows = [(one.run_id.rpartition("_")[2], str(one.report), "yes" if one.ends else "", plain(one.why)) for one in told]
    Terminal(sys.stdout).table(HEAD, rows)


def _decisions(held: Connection, sweep: str, trial: str | None) -> list[Decision]:
    """All of them, oldest first; they come page by page from the last."""
    found: dict[Decision, None] = {}
    while True:
        query = DecisionQuery(trial, PAGE, len(found))
        page = held.client.sweeps.decisions(held.workspace_id, sweep, query).decisions
        found = {**dict.fromkeys(page), **found}  # those made meanwhile have moved the pages: some come twice
        if len(page) < PAGE:
            return list(found)
