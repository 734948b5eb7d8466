"""`amlet quickstart`: from nothing to a prediction over HTTP."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import click

from amlet.base.units import human_seconds
from amlet.cli import example_files, json_output, pages, place, workflow
from amlet.cli.options import json_option
from amlet.cli.terminal import Terminal
from amlet.sdk.connection import Names


@click.command("quickstart")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("amlet-quickstart"))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Write an example into FOLDER, train its model, register it, serve it, and ask it for a prediction.

    May be run again: files that were changed are kept and used, and the service is replaced.
    """
    began = time.monotonic()
    terminal = Terminal(sys.stderr)
    with json_output.only_ours(as_json):
        written = example_files.write(folder)
        if written.new:
            terminal.line(f"Wrote {', '.join(written.new)} to {folder}/")
        if written.differs:
            terminal.line(f"Kept your own {', '.join(written.differs)} in {folder}/, which the example has otherwise")
        held = place.connection(None, folder)
        done = workflow.go_through(held, folder)
        page = pages.run_address(held, done.run)
        link = pages.signed_in(held, done.run)
    took_s = time.monotonic() - began
    if as_json:
        json_output.document(
            {
                "folder": str(folder),
                "written": written.new,
                "kept": written.differs,
                "run": done.run.id,
                "accuracy": done.accuracy,
                "prediction": done.prediction,
                "model": done.model.id,
                "service": done.service.name,
                "scoring_uri": f"{done.service.address}/score",
                "page": page,
                "url": link,
                "seconds": round(took_s, 3),
            }
        )
        return
    _tell(Terminal(sys.stdout), folder, held.names, done, link, took_s)


def _tell(out: Terminal, folder: Path, names: Names, done: workflow.Outcome, link: str, took_s: float) -> None:
    kind = workflow.KINDS[done.prediction] if done.prediction in range(len(workflow.KINDS)) else "?"
    accuracy = f"{done.accuracy:.4f}" if isinstance(done.accuracy, float) else str(done.accuracy)
    out.line()
    out.facts(
        [
            ("accuracy", out.strong(accuracy)),
            ("prediction", f"{workflow.FLOWER} is {out.strong(str(done.prediction))}, {kind}"),
            ("page", link),
            ("took", human_seconds(took_s)),
        ]
    )
    score = f"{done.service.address}/score"
    question = f"curl -s {score} -H 'Content-Type: application/json' -d '{workflow.QUESTION}'"
    # What another config.json says of this folder must not lead these commands elsewhere.
    where = "" if place.connection(None, Path()).names == names else f" -C {shlex.quote(str(folder))}"
    script = f"cd {shlex.quote(str(folder))} && {_python()} submit.py"
    out.line(out.strong("\nGo on with"))
    for command_line, what in (
        (question, "ask the service"),
        (f"amlet show{where} latest", "stages, metrics, files and notes of the run"),
        (f"amlet studio{where}", "the pages in a browser; the link above is good once"),
        (script, "the same by the SDK, as a v1 script"),
        ("amlet server stop", "end the server and the service"),
    ):
        out.line(f"  {command_line}\n      {out.faint(what)}")


def _python() -> str:
    """How a shell starts the Python that amlet is installed in."""
    found = shutil.which("python")
    if found and os.path.dirname(os.path.abspath(found)) == os.path.dirname(sys.executable):  # noqa: PTH100, PTH120
        return "python"
    return shlex.quote(sys.executable)
