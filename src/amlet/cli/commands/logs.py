"""`amlet logs`: what a run printed, or how its environment was built."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.cli import follow, json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.domain.run import Run
from amlet.sdk.connection import Connection
from amlet.sdk.run_logs import RunLogs


@click.command("logs")
@click.argument("run_text", metavar="RUN")
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until the run is over.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.option("--build", is_flag=True, help="How the environment was built, in place of what the script printed.")
@workspace_options
@json_option
def command(
    run_text: str,
    follows: bool,
    tail: int | None,
    build: bool,
    workspace: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Print what the script of RUN printed. With --json an object a piece of the log.

    RUN is an id, the end of one, or `latest`.
    """
    held = place.connection(workspace, folder)
    run_id = find_run(held, run_text).id
    try:
        _print(held, run_id, build=build, follows=follows, tail=tail, as_json=as_json)
    except KeyboardInterrupt:
        if follows:
            print(f"\namlet: run {run_id} goes on.", file=sys.stderr)
        raise


def _print(held: Connection, run_id: str, *, build: bool, follows: bool, tail: int | None, as_json: bool) -> None:
    log: RunLogs | None = None
    for found in follow.changes(held, run_id):
        if log is None:
            path = follow.BUILD_LOG if build else follow.script_log(found.files)
            size_bytes = follow.size_of(found.files, path)
            offset = follow.tail_offset(held, run_id, path, size_bytes, tail) if tail is not None and size_bytes else 0
            wanted = follow.BUILD_LOGS if build else follow.SCRIPT_LOGS
            log = RunLogs(held, run_id, wanted, with_past=False, begun=(path, offset) if size_bytes else None)
            if not size_bytes and not (follows and not found.run.is_over):
                print(f"amlet: {_nothing(found.run, build=build)}", file=sys.stderr)
        for piece in log.news(found.files):
            _write(piece.text, as_json=as_json)
        if not follows:
            break
    if log is not None:
        _write(log.rest(), as_json=as_json)


def _nothing(run: Run, *, build: bool) -> str:
    """Why there is nothing to print."""
    prepared = next((stage for stage in run.stages if stage.name == "prepare"), None)
    if build and prepared is not None and prepared.ended is not None:
        return f"nothing was built for run {run.id}: {prepared.detail or 'its environment was at hand'}"
    if run.is_over:
        return f"run {run.id} ({run.status}) printed nothing"
    return f"run {run.id} ({run.status}) has printed nothing yet; --follow waits for it"


def _write(text: str, *, as_json: bool) -> None:
    if as_json and text:
        json_output.line(text=text)
    elif text:
        sys.stdout.write(text)
        sys.stdout.flush()
