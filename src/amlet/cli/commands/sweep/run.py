"""`amlet sweep SCRIPT`: submit a sweep, and follow it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from amlet.base.errors import InvalidInput
from amlet.cli import json_output, place, source
from amlet.cli.commands.submit import SubmitCommand
from amlet.cli.expressions import read_parameter, read_policy
from amlet.cli.options import json_option, key_values, workspace_options
from amlet.cli.sweep_file import read_sweep_file
from amlet.cli.sweep_view import follow_sweep, tell_sweep
from amlet.cli.terminal import Terminal
from amlet.domain import sweep as sweeps
from amlet.domain.run import COMPLETED
from amlet.domain.sweep import MAX_DURATION_MINUTES, MAXIMIZE, MINIMIZE, Objective, Policy, Sampling, SweepSpec
from amlet.domain.sweep_check import faults_of_spec
from amlet.sdk.experiment import Experiment
from amlet.sdk.hyperdrive.submit import submit_spec
from amlet.sdk.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

RUNS, CONCURRENT = 20, 2


def method_options(function: F) -> F:
    """`--random 'NAME=EXPRESSION'` and its kin, one a method; each may be repeated, one kind is used."""
    for method in reversed(sweeps.METHODS):
        words = f"Sample a parameter by {method} search. Repeat, one a parameter."
        function = click.option(f"--{method}", multiple=True, metavar="NAME=EXPR", help=words)(function)
    return function


@click.command("run", cls=SubmitCommand)
@click.argument("script")
@method_options
@click.option("--config", metavar="FILE", help="v1's hdconfig.yml; options here go before it.")
@click.option("--metric", metavar="NAME", help="The primary metric, as the script logs it.")
@click.option("--maximize", "goal", flag_value=MAXIMIZE, help="The larger the better: the default.")
@click.option("--minimize", "goal", flag_value=MINIMIZE, help="The smaller the better.")
@click.option("--runs", type=int, help=f"How many trials.  [default: {RUNS}]")
@click.option("--concurrent", type=int, help=f"How many at a time.  [default: {CONCURRENT}]")
@click.option("--policy", metavar="POLICY", help="bandit(slack_factor=0.1), median, truncation(20), hyperband.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same trials.")
@click.option("--minutes", type=int, help="After so many no trial is begun.")
@click.option("--conda", metavar="FILE", help="Packages: a conda yaml.")
@click.option("--pip", "pip_file", metavar="FILE", help="Packages: a requirements file.")
@click.option("--env", "environment", metavar="NAME", help="A registered or curated environment.")
@click.option("-t", "--target", default="local", show_default=True, metavar="NAME", help="The compute target.")
@click.option("-x", "--experiment", metavar="NAME", help="Default: the script's name.")
@click.option(
    "-e", "variables", metavar="KEY=VALUE", multiple=True, callback=key_values, help="An environment variable. Repeat."
)
@click.option("-d", "--detach", is_flag=True, help="Print the sweep's id and leave.")
@workspace_options
@json_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS...]")
def command(
    script: str,
    conda: str | None,
    pip_file: str | None,
    environment: str | None,
    target: str,
    experiment: str | None,
    variables: dict[str, str],
    detach: bool,
    workspace: str | None,
    folder: Path,
    as_json: bool,
    arguments: tuple[str, ...],
    **options: Any,
) -> int:
    """Try many parameters of SCRIPT, which gets each as `--NAME VALUE` after its own arguments.

    amlet sweep train.py --random 'C=loguniform(-3,3)' --metric Accuracy --runs 50 -- --kernel rbf
    """
    spec = _spec(folder, **options)
    packages = source.Packages(conda, pip_file, environment).check()
    name = experiment or source.experiment_name(script)
    terminal = Terminal(sys.stderr)
    with json_output.only_ours(as_json):
        held = place.connection(workspace, folder, creates=True)
        where = Workspace(*held.names, _held=held)
        made = source.environment(folder, packages, f"{name}-env", where)
        config = source.configuration(folder, script, arguments, made, target=target, variables=variables)
        run = submit_spec(Experiment(where, name, _create_in_cloud=False), config, spec, {})
        if detach:
            json_output.document({"run": run.id, "page": run.get_portal_url()}) if as_json else print(run.id)
            return 0
        terminal.line(f"Sweep {terminal.strong(run.id)}\n  {terminal.faint(run.get_portal_url())}")
        try:
            ended = follow_sweep(held, run.id)
        except KeyboardInterrupt:
            terminal.line(
                f"\namlet: sweep {run.id} goes on. `amlet sweep show {run.id}` tells how it stands, "
                f"`amlet cancel {run.id}` ends it."
            )
            return 130
        if as_json:
            json_output.document(ended)
        else:
            tell_sweep(terminal, ended)
    return 0 if ended.run.status == COMPLETED else 1


def _spec(folder: Path, **options: Any) -> SweepSpec:
    held = read_sweep_file(folder / options["config"]) if options["config"] is not None else None
    used = [method for method in sweeps.METHODS if options[method]]
    if len(used) > 1:
        raise InvalidInput(f"--{used[0]} and --{used[1]} cannot be given together.", hint="one method samples all.")
    sampling = held.sampling if held is not None else None
    if used:
        sampling = Sampling(used[0], dict(read_parameter(text) for text in options[used[0]]), options["seed"])
    if sampling is None:
        raise InvalidInput("A sweep needs parameters.", hint="--random 'C=loguniform(-3,3)', or --config hdconfig.yml.")
    objective = held.objective if held is not None else None
    if options["metric"] is not None:
        objective = Objective(options["metric"], options["goal"] or MAXIMIZE)
    elif objective is not None and options["goal"] is not None:
        objective = objective._replace(goal=options["goal"])
    if objective is None:
        raise InvalidInput("A sweep needs a primary metric.", hint="--metric Accuracy, the name that the script logs.")

    def chosen(option: str, field: str, default: int) -> int:
        told = options[option] if options[option] is not None else getattr(held, field, None)
        return default if told is None else int(told)

    runs = chosen("runs", "max_total_runs", RUNS)
    policy = read_policy(options["policy"]) if options["policy"] is not None else getattr(held, "policy", None)
    spec = SweepSpec(
        sampling,
        [objective],
        runs,
        chosen("concurrent", "max_concurrent_runs", max(1, min(runs, CONCURRENT))),
        policy or Policy(),
        chosen("minutes", "max_duration_minutes", MAX_DURATION_MINUTES) * 60,
    )
    faults = faults_of_spec(spec)
    if faults:
        raise InvalidInput.of(faults, subject="the sweep")
    return spec
