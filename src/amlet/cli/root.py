"""`amlet` itself: the table of its commands."""

from __future__ import annotations

import click

from amlet.base.version import __version__
from amlet.cli.lazy import LazyGroup

COMMANDS = {
    "quickstart": "Train, register and serve a small model, from a folder that it writes.",
    "init": "Write config.json, which says to which workspace a folder belongs.",
    "submit": "Run a script in an environment of its own, and follow it.",
    "ps": "List runs.",
    "show": "All about one run: status, stages, metrics, files.",
    "logs": "What a run printed.",
    "metrics": "What a run logged: values, or a chart.",
    "download": "Save files of a run.",
    "diff": "What differs between two runs: parameters, metrics, packages, code.",
    "tag": "Tag a run, or show its tags.",
    "cancel": "End runs.",
    "delete": "Put runs into the trash.",
    "restore": "Take runs out of the trash.",
    "trash": "What lies in the trash; empty it.",
    "experiments": "List experiments; archive and reactivate them.",
    "sync": "Bring runs that were outside a job to their server.",
    "sweep": "Try many parameters of a script, and keep the best.",
    "compute": "Compute targets: list, show their nodes and what each does.",
    "env": "Environments: list, show, build, lock, diff, export.",
    "models": "Models: list, show, inspect, alias, history, rollback, download, delete.",
    "deploy": "Serve models: as they are, or with an entry script.",
    "services": "Services: list, show, logs, call, keys, update, traffic, delete.",
    "studio": "Open the pages of this server in a browser, signed in.",
    "server": "The server of this user: status, start, stop, run.",
    "doctor": "What is at hand on this machine, and what to mend.",
}


@click.command(
    cls=LazyGroup,
    folder="amlet.cli.commands",
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `amlet quickstart`. Every command takes --json and --help.",
)
@click.version_option(__version__, "-V", "--version", prog_name="amlet", message="%(prog)s %(version)s")
def root() -> None:
    """Azure Machine Learning SDK v1 scripts, unmodified, off Azure."""
