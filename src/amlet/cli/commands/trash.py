"""`amlet trash`: what lies in the trash, and emptying it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.base.errors import InvalidInput
from amlet.base.units import human_bytes
from amlet.cli import json_output, place
from amlet.cli.options import json_option, workspace_options
from amlet.wire.runs import TrashAnswer, TrashQuery

_ALL = TrashQuery(dry_run=True, now=True)


@click.command("trash")
@click.option("--empty", "empties", is_flag=True, help="Delete for good what has lain there for 30 days.")
@click.option("--now", is_flag=True, help="With --empty: whatever its age.")
@click.option("--dry-run", is_flag=True, help="With --empty: say what would go, and keep it.")
@click.option("-y", "--yes", is_flag=True, help="With --empty --now: do not ask.")
@workspace_options
@json_option
def command(
    empties: bool, now: bool, dry_run: bool, yes: bool, workspace: str | None, folder: Path, as_json: bool
) -> int:
    """Say how many runs lie in the trash and how many bytes emptying it would free; --empty frees them.

    The trash is the server's, of all its workspaces; files that another run or a model refers to stay.
    Files that were sent within the last hour go by themselves once they are older. `amlet ps --trash` lists the runs
    of this workspace.
    """
    if (now or dry_run or yes) and not empties:
        raise click.UsageError("--now, --dry-run and --yes go with --empty.")
    trash = place.connection(workspace, folder).client.runs
    looks = dry_run or not empties
    if empties and now and not dry_run and not yes and not _agrees(trash.empty_trash(_ALL)):
        print("Nothing was deleted.", file=sys.stderr)
        return 1
    everything = now or not empties
    answer = trash.empty_trash(TrashQuery(dry_run=looks, now=everything))
    if as_json:
        json_output.document({**answer._asdict(), "emptied": not looks})
    elif not looks:
        print(f"Deleted {_amount(answer)}.")
    elif empties:
        print(f"Nothing was deleted. This would be: {_amount(answer)}.")
    else:
        print(f"In the trash: {_amount(answer)}.")
    return 0


def _amount(answer: TrashAnswer) -> str:
    runs = f"{answer.runs:,} run{'' if answer.runs == 1 else 's'}"
    later = f", {human_bytes(answer.later_bytes)} more within two hours" if answer.later_bytes else ""
    return f"{runs}, {human_bytes(answer.size_bytes)} that nothing else refers to{later}"


def _agrees(answer: TrashAnswer) -> bool:
    """What a person says to it; nobody is asked about nothing.

    Raises:
        InvalidInput: nobody is there to be asked.
    """
    if not answer.runs and not answer.blobs:
        return True
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"{_amount(answer)} would be deleted for good, and nobody is there to be asked.", hint="add -y."
        )
    return click.confirm(f"Delete {_amount(answer)}, for good?", err=True)
