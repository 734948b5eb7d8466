"""`amlet cancel`: end runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.base.errors import AmletError
from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal


@click.command("cancel")
@click.argument("run_texts", metavar="RUN...", nargs=-1, required=True)
@workspace_options
@json_option
def command(run_texts: tuple[str, ...], workspace: str | None, folder: Path, as_json: bool) -> int:
    """End runs: their processes get SIGTERM, and SIGKILL after a grace time. A run that is over stays as it is.

    RUN is an id, the end of one, or `latest`.
    """
    held = place.connection(workspace, folder)
    out, failed = Terminal(sys.stdout), 0
    answers = []
    for text in run_texts:
        try:
            run = find_run(held, text)
            was_over = run.is_over
            if not was_over:
                run = held.client.runs.cancel(held.workspace_id, run.id)
        except AmletError as error:
            if len(run_texts) == 1:
                raise
            Terminal(sys.stderr).error(error)
            failed = 1
            continue
        answers.append({"run": run.id, "status": run.status, "was_over": was_over})
        if not as_json:
            out.line(f"{run.id}  {'was over: ' if was_over else ''}{out.status(run.status)}")
    if as_json:
        json_output.document(answers)
    return failed
