"""`amlet submit`: run a script, follow it, and end with its exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from amlet.base.units import human_bytes
from amlet.cli import following, json_output, place, source
from amlet.cli.options import json_option, key_values, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.domain.job import RETRIES_LIMIT
from amlet.sdk.experiment import Experiment
from amlet.sdk.script_run_config import ScriptRunConfig
from amlet.sdk.workspace import Workspace


class SubmitCommand(click.Command):
    """Says where a script's own options belong."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = [*args]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            script = next((text for text in given if not text.startswith("-")), "SCRIPT")
            raise click.UsageError(
                f"No such option: {error.option_name}. What is the script's own comes after --: "
                f"`amlet submit {script} -- {error.option_name} ...`.",
                ctx,
            ) from error


@click.command("submit", cls=SubmitCommand)
@click.argument("script")
@click.option("--conda", metavar="FILE", help="Packages: a conda yaml.")
@click.option("--pip", "pip_file", metavar="FILE", help="Packages: a requirements file.")
@click.option("--env", "environment", metavar="NAME", help="A registered or curated environment.")
@click.option("-t", "--target", default="local", show_default=True, metavar="NAME", help="The compute target.")
@click.option("-x", "--experiment", metavar="NAME", help="Default: the script's name.")
@click.option("-n", "--name", "display_name", metavar="NAME", help="What the run is called in lists.")
@click.option(
    "-e", "variables", metavar="KEY=VALUE", multiple=True, callback=key_values, help="An environment variable. Repeat."
)
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, callback=key_values, help="A tag. Repeat.")
@click.option("--priority", type=int, default=0, show_default=True, help="Runs with a higher one start first.")
@click.option(
    "--retry",
    "retries",
    type=click.IntRange(0, RETRIES_LIMIT),
    default=0,
    show_default=True,
    help="Try again so often when its node is lost.",
)
@click.option(
    "--retry-on",
    "retry_codes",
    type=click.IntRange(1, 255),
    multiple=True,
    metavar="CODE",
    help="Try again after this exit code of the script, too. Repeat.",
)
@click.option("-d", "--detach", is_flag=True, help="Print the run's id and leave.")
@click.option("--dry-run", is_flag=True, help="List what would be sent, and send nothing.")
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
    display_name: str | None,
    variables: dict[str, str],
    tags: dict[str, str | None],
    priority: int,
    retries: int,
    retry_codes: tuple[int, ...],
    detach: bool,
    dry_run: bool,
    workspace: str | None,
    folder: Path,
    as_json: bool,
    arguments: tuple[str, ...],
) -> int:
    """Run SCRIPT, show its stages and what it prints, and exit with its code.

    The folder (-C, else this one) is sent as it is now. What follows -- goes to the script:

        amlet submit train.py --conda conda_dependencies.yml -- --kernel linear
    """
    if retry_codes and not retries:
        raise click.UsageError("--retry-on needs --retry, which says how often.")
    turns = source.Turns(priority, retries, retry_codes)
    packages = source.Packages(conda, pip_file, environment).check()
    name = experiment or source.experiment_name(script)
    terminal = Terminal(sys.stderr)
    with json_output.only_ours(as_json):
        if dry_run:
            made = source.environment(folder, packages, f"{name}-env", None)
            config = source.configuration(
                folder, script, arguments, made, target=target, variables=variables, turns=turns
            )
            return _dry_run(config, packages, as_json=as_json)
        held = place.connection(workspace, folder, creates=True)
        where = Workspace(*held.names, _held=held)
        made = source.environment(folder, packages, f"{name}-env", where)
        if made is None and (known := source.unused_list(folder)):
            terminal.line(f"amlet: no environment was named; to use the file that is here, add {known}")
        config = source.configuration(folder, script, arguments, made, target=target, variables=variables, turns=turns)
        run = Experiment(where, name, _create_in_cloud=False).submit(config, tags=tags, display_name=display_name)
        page = run.get_portal_url()
        if detach:
            if as_json:
                json_output.document({"run": run.id, "status": run.status, "page": page})
            else:
                print(run.id)
            return 0
        try:
            if as_json:
                json_output.line(event="submitted", run=run.id, page=page)
                ended = following.follow_as_json(held, run.id)
            else:
                terminal.line(f"Run {terminal.strong(run.id)}\n  {terminal.faint(page)}")
                ended = following.follow_on_terminal(held, run.id)
                following.tell_end(terminal, ended)
        except KeyboardInterrupt:
            terminal.line(
                f"\namlet: run {run.id} goes on. `amlet logs -f {run.id}` shows it again, "
                f"`amlet cancel {run.id}` ends it."
            )
            return 130
    return following.exit_code(ended)


def _dry_run(config: ScriptRunConfig, packages: source.Packages, *, as_json: bool) -> int:
    from amlet.base.paths import Home
    from amlet.client.snapshot import scan
    from amlet.sdk.submission import check

    checked = check(config)
    snapshot = scan(checked.folder, home=Home.find())
    settings = config.run_config
    if as_json:
        json_output.document(
            {
                "folder": str(snapshot.folder),
                "script": checked.script,
                "arguments": checked.arguments,
                "target": settings.target,
                "environment": checked.spec if packages.named is None else packages.named,
                "variables": sorted(settings.environment_variables),
                "files": len(snapshot.entries),
                "size_bytes": snapshot.total_bytes,
                "largest": [{"path": path, "size_bytes": size} for path, size in snapshot.largest],
                "left_out": snapshot.left_out,
                "warnings": snapshot.warnings,
            }
        )
        return 0
    out = Terminal(sys.stdout)
    out.line(out.strong("Nothing was sent. This would be:"))
    spec = checked.spec
    asked = [*([f"python {spec.python}"] if spec.python else []), *spec.conda, *spec.pip]
    out.facts(
        [
            ("folder", plain(snapshot.folder)),
            ("script", plain(" ".join([checked.script or "", *checked.arguments]))),
            ("target", plain(settings.target)),
            ("environment", plain(packages.named or ", ".join(asked) or "Python alone")),
            ("variables", plain(", ".join(sorted(settings.environment_variables)) or "none")),
            ("files", f"{len(snapshot.entries)}, {human_bytes(snapshot.total_bytes)}"),
            ("left out", _first_ten(snapshot.left_out)),
        ]
    )
    out.line("The largest files:")
    for path, size in snapshot.largest:
        out.line(f"  {human_bytes(size):>9}  {plain(path)}")
    for message in snapshot.warnings:
        out.line(f"{out.strong('warning:')} {plain(message)}")
    return 0


def _first_ten(names: list[str]) -> str:
    return plain(", ".join(names[:10]) or "nothing") + (" ..." if len(names) > 10 else "")
