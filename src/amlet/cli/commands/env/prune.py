"""`amlet env prune`: delete builds that nobody has used for long."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone

import click

from amlet.base.errors import EnvironmentFailed
from amlet.base.paths import Home
from amlet.base.units import human_bytes, human_seconds
from amlet.cli import json_output
from amlet.cli.options import json_option
from amlet.cli.terminal import Terminal, cut, plain
from amlet.environments.prune import BuildOnDisk, Pruned, prune
from amlet.environments.uv_program import run_uv

CELL = 60
DAY_S = 86_400


@click.command("prune")
@click.option(
    "--unused-for",
    "days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Delete what was not used for so many days.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and keep it.")
@click.option("--uv-cache", is_flag=True, help="Also let uv take what is of no use out of its own cache.")
@json_option
def command(days: float, dry_run: bool, uv_cache: bool, as_json: bool) -> None:
    """Delete the builds of this machine's AMLET_HOME that nobody has used for long, and what was left half-made.

    A build that a process runs from, or that was used within the last ten minutes, stays. What is deleted is made again
    when it is asked for: the locks stay with their environments, runs and models. OWN is what the deletion of a build
    frees; SHARED are links to files that uv's cache or another build has too.
    """
    pruned = prune(Home.find().environments, timedelta(days=days), dry_run=dry_run)
    if uv_cache and not dry_run:
        _prune_uv_cache(Terminal(sys.stderr))
    if as_json:
        told = {**pruned._asdict(), "freed_bytes": pruned.freed_bytes, "dry_run": dry_run}
        json_output.document({key: _plain(value) for key, value in told.items()})
        return
    terminal = Terminal(sys.stdout)
    rows = [_row(build, "goes" if dry_run else "deleted") for build in pruned.removed]
    rows += [_row(build, "in use" if build.is_in_use else "stays") for build in pruned.kept]
    if rows:
        terminal.table(("LOCK", "PYTHON", "LAST USED", "OWN", "SHARED", "", "PACKAGES"), rows)
    amount = _amount(pruned)
    terminal.line(f"Nothing was deleted. This would be: {amount}." if dry_run else f"Deleted {amount}.")


def _row(build: BuildOnDisk, fate: str) -> tuple[str, ...]:
    ago = (datetime.now(timezone.utc) - build.last_used).total_seconds()
    return (
        build.lock_id[:8],
        build.python,
        f"{ago / DAY_S:.0f} days ago" if ago >= 2 * DAY_S else f"{human_seconds(max(0.0, ago))} ago",
        human_bytes(build.own_bytes),
        human_bytes(build.shared_bytes),
        fate,
        cut(plain(", ".join(build.packages)), CELL),
    )


def _amount(pruned: Pruned) -> str:
    builds, left = len(pruned.removed), len(pruned.leftovers)
    half = f" and {left} half-made one{'' if left == 1 else 's'}" if left else ""
    return f"{builds} build{'' if builds == 1 else 's'}{half}, {human_bytes(pruned.freed_bytes)}"


def _plain(value: object) -> object:
    """Paths and records as JSON has them."""
    if isinstance(value, list):
        return [{key: str(part) if key == "path" else part for key, part in one._asdict().items()} for one in value]
    return value


def _prune_uv_cache(terminal: Terminal) -> None:
    done = run_uv(["cache", "prune"], lambda line: terminal.line(terminal.faint(plain(line))))
    if done.code:
        raise EnvironmentFailed("uv could not prune its cache.", hint="what it says is above.")
