"""`amlet compute show`: the nodes of a target, and what each does; also as a table that goes on."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import click

from amlet.base.units import human_seconds
from amlet.cli import json_output, place
from amlet.cli.live_table import LiveTable
from amlet.cli.options import json_option, workspace_options
from amlet.cli.target_view import TargetView, look, node_rows
from amlet.cli.terminal import Terminal, plain
from amlet.sdk.connection import Connection

EVERY_S = 1.0
WAITING_SHOWN = 10


@click.command("show")
@click.argument("name")
@click.option(
    "--watch", is_flag=True, help="Go on showing it, until Ctrl-C: a table on a terminal, else a line a change."
)
@workspace_options
@json_option
def command(name: str, watch: bool, workspace: str | None, folder: Path, as_json: bool) -> None:
    """Show the nodes of the compute target NAME and what each does, and the runs that wait for one.

    NAME may be local: this machine.
    """
    held = place.connection(workspace, folder)
    out = Terminal(sys.stdout)
    if not watch:
        view = look(held, name)
        if as_json:
            json_output.document(view.as_json())
        else:
            out.write(_text(out, view))
    elif as_json:
        _changes(held, name, lambda view: json_output.line(**view.as_json()))
    elif out.is_tty:
        with LiveTable(out) as table:
            while True:
                table.show(_text(out, look(held, name)))
                time.sleep(EVERY_S)
    else:
        told = _Told(out)
        _changes(held, name, told.tell)


def _changes(held: Connection, name: str, tell: Callable[[TargetView], None]) -> None:
    before = None
    while True:
        view = look(held, name)
        now = ([(node.name, node.state, node.run_id) for node in view.nodes], [run.id for run in view.waiting])
        if now != before:
            tell(view)
            before = now
        time.sleep(EVERY_S)


class _Told:
    """A line a node that changed, with the time."""

    def __init__(self, out: Terminal) -> None:
        self._out = out
        self._before: dict[str, str] = {}

    def tell(self, view: TargetView) -> None:
        moment = datetime.now().astimezone().strftime("%H:%M:%S")
        now = {node.name: f"{node.state} {node.run_id or ''}".strip() for node in view.nodes}
        now["queue"] = f"{len(view.waiting)} waiting"
        for name, text in now.items():
            if self._before.get(name) != text:
                self._out.line(f"{moment}  {plain(name)}  {plain(text)}")
        for name in self._before:
            if name not in now:
                self._out.line(f"{moment}  {plain(name)}  gone")
        self._before = now


def _text(terminal: Terminal, view: TargetView) -> str:
    now = datetime.now(timezone.utc)
    out = Terminal(io.StringIO())
    out.colour = terminal.colour
    state = view.state
    facts = [("target", out.strong(plain(view.name))), ("nodes", f"{len(view.nodes)} of {view.most}")]
    if state is not None:
        target = state.target
        facts[1] = ("nodes", f"{len(view.nodes)}, from {target.min_nodes} to {target.max_nodes}")
        facts[1:1] = [("kind", f"{target.kind}, {plain(target.vm_size)}"), ("a run gets", plain(state.share))]
        facts.append(("idle for", f"{human_seconds(target.idle_s)}, then a node goes"))
        if target.why_no_node:
            facts.append(("held back", plain(target.why_no_node)))
    out.facts(facts)
    if view.nodes:
        out.line()
        out.table(("NODE", "STATE", "ADDRESS", "SHARE", "DOING"), node_rows(out, view, now))
    if view.waiting:
        out.line(out.strong(f"\n{len(view.waiting)} {'run waits' if len(view.waiting) == 1 else 'runs wait'}"))
    for run in view.waiting[:WAITING_SHOWN]:
        out.line(f"  {plain(run.id)}  {out.faint(plain(run.waiting_for or ''))}")
    if len(view.waiting) > WAITING_SHOWN:
        out.line(f"  and {len(view.waiting) - WAITING_SHOWN} more; `amlet ps` lists them.")
    assert isinstance(out.stream, io.StringIO)
    return out.stream.getvalue()
