"""`amlet diff`: what differs between two runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from amlet.cli import json_output, place
from amlet.cli.comparing import code_diffs, side_of
from amlet.cli.find_run import find_run
from amlet.cli.options import json_option, workspace_options
from amlet.cli.terminal import Terminal, cut, plain
from amlet.cli.values import metric_text
from amlet.domain.comparison import LEFT, RIGHT, Comparison, Difference, FileDiff, compare
from amlet.sdk.connection import Connection
from amlet.wire.codec import encode

CELL = 48
"""Columns of a value at most; --json tells all of it."""


@click.command("diff")
@click.argument("left_text", metavar="RUN")
@click.argument("right_text", metavar="RUN")
@click.option("--stat", is_flag=True, help="Name the files of the code that differ, without their lines.")
@workspace_options
@json_option
def command(left_text: str, right_text: str, stat: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show what differs: parameters, metrics, tags, packages, environment, machine, and the code line by line.

    RUN is an id, the end of one, or `latest`.
    """
    held = place.connection(workspace, folder)
    left, right = (find_run(held, text) for text in (left_text, right_text))
    found = compare(side_of(held, left), side_of(held, right))
    if as_json:
        lines = None if stat else list(code_diffs(held, found))
        json_output.document({**encode(found), "lines": encode(lines)})
        return
    if found.is_empty:
        print(f"Runs {left.id} and {right.id} do not differ.", file=sys.stderr)
        return
    _print(Terminal(sys.stdout), held, found, stat=stat)


def _print(out: Terminal, held: Connection, found: Comparison, *, stat: bool) -> None:
    begins = ""
    for title, differences in found.sections:
        if differences:
            out.write(begins)
            out.table((title, plain(found.left), plain(found.right)), map(_row, differences))
            begins = "\n"
    if not found.code:
        return
    out.line(begins + out.strong("Code"))
    for file in found.code:
        sign = "+" if file.left is None else "-" if file.right is None else "~"
        out.line(f"  {sign} {plain(file.path)}")
    if not stat:
        for one in code_diffs(held, found):
            _print_lines(out, one)


def _row(one: Difference) -> tuple[str, str, str]:
    return (
        cut(plain(one.name), CELL),
        "-" if one.only == RIGHT else _value(one.left),
        "-" if one.only == LEFT else _value(one.right),
    )


def _value(value: Any) -> str:
    return "(no value)" if value is None else cut(metric_text(value), CELL)


def _print_lines(out: Terminal, one: FileDiff) -> None:
    out.line()
    if one.note is not None:
        out.line(f"{out.strong(plain(one.path))}: {one.note}")
    for number, line in enumerate(one.lines):
        text = plain(line.replace("\t", "    "))
        if number < 2:
            out.line(out.strong(text))
        elif line.startswith("@@"):
            out.line(out.faint(text))
        else:
            out.line(out.good(text) if line[0] == "+" else out.bad(text) if line[0] == "-" else text)
