"""`amlet sweep`: try many parameters of a script; look at sweeps, give them more trials."""

from __future__ import annotations

import click

from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "run": "Sweep a script: `amlet sweep SCRIPT` is the same.",
    "show": "How a sweep stands: its best trial, its counts.",
    "trials": "The trials of a sweep, in an order.",
    "best": "The best trial, or why there is none.",
    "explain": "What the policy decided, and by which numbers.",
    "resume": "Try again the trials that failed or were cancelled.",
    "extend": "Give a sweep more trials.",
}


class SweepGroup(LazyGroup):
    """What is no command is a script, or an option of one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*COMMANDS, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.command("sweep", cls=SweepGroup, folder="amlet.cli.commands.sweep", table=COMMANDS)
def command() -> None:
    """Try many parameters of a script and keep the best.

    amlet sweep train.py --random 'C=loguniform(-3,3)' --metric Accuracy --maximize --runs 50 -- --kernel rbf
    """
