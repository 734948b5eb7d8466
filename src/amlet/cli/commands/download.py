"""`amlet download`: save files of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from amlet.base.errors import NotFound
from amlet.base.names import closest
from amlet.base.paths import inside
from amlet.base.units import human_bytes
from amlet.cli import json_output, place
from amlet.cli.find_run import find_run
from amlet.cli.live_line import LiveLine
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, plain
from amlet.client.body import Body
from amlet.client.downloads import download
from amlet.sdk.connection import Connection
from amlet.wire.files import FileQuery, RunFile


@click.command("download")
@click.argument("run_text", metavar="RUN")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to; made when it is not there. Default: a folder named like the run.",
)
@workspace_options
@json_option
def command(
    run_text: str, paths: tuple[str, ...], output: Path | None, workspace: str | None, folder: Path, as_json: bool
) -> None:
    """Save the files of RUN below a folder, under their own names: all, or those that a PATH names.

    PATH is a file of the run, or a folder of its files, such as `outputs`. A file that is there already is replaced
    once the new one is whole; a connection that breaks is taken up where it broke. RUN is an id, the end of one, or
    `latest`.
    """
    held = place.connection(workspace, folder)
    run_id = find_run(held, run_text).id
    files = chosen(held.client.runs.get(held.workspace_id, run_id).files, paths, run_id)
    target = folder / (output or run_id)
    for file in files:
        inside(target, file.path)  # all names first: nothing is saved when one is bad
    saved = _save(held, run_id, files, target, Terminal(sys.stderr))
    if as_json:
        told = [{"path": file.path, "size_bytes": size} for file, size in zip(files, saved, strict=True)]
        json_output.document({"run": run_id, "folder": str(target), "files": told})
    elif files:
        noun = "file" if len(files) == 1 else "files"
        print(f"Saved {len(files)} {noun}, {human_bytes(sum(saved))}, to {plain(target)}/")
    else:
        print(f"Run {run_id} has no files.", file=sys.stderr)


def chosen(files: Sequence[RunFile], paths: Sequence[str], run_id: str) -> list[RunFile]:
    """The files that the paths name, each once; all without a path.

    Raises:
        NotFound: with every path that names nothing.
    """
    if not paths:
        return list(files)
    found: dict[str, RunFile] = {}
    lacking = []
    for path in paths:
        bare = path.rstrip("/")
        fitting = [file for file in files if file.path == path or file.path.startswith(f"{bare}/")]
        if not fitting:
            lacking.append(path)
        found.update((file.path, file) for file in fitting)
    if lacking:
        known = [file.path for file in files]
        raise NotFound(
            f"Run {run_id} has no file {', '.join(repr(path[:200]) for path in lacking)}.",
            hint=closest(lacking[0], known) + f"`amlet show {run_id}` lists its files.",
        )
    return list(found.values())


def _save(held: Connection, run_id: str, files: Sequence[RunFile], target: Path, terminal: Terminal) -> list[int]:
    total = sum(file.size_bytes for file in files)
    saved: list[int] = []
    with LiveLine(terminal) as live:
        for number, file in enumerate(files, 1):
            name = f"{number} of {len(files)}: {plain(file.path)}"

            def tell(size: int, _: int | None, name: str = name) -> None:
                live.now("saving", f"{human_bytes(sum(saved) + size)} of {human_bytes(total)}, {name}")

            tell(0, None)
            saved.append(download(_opener(held, run_id, file.path), inside(target, file.path), progress=tell))
    return saved


def _opener(held: Connection, run_id: str, path: str) -> Callable[[int], Body]:
    return lambda offset: held.client.runs.file(held.workspace_id, run_id, FileQuery(path, offset))
