"""`amlet doctor`: what is at hand, with a tick or a cross each and the mend."""

from __future__ import annotations

import sys

import click

from amlet.cli import checks, json_output
from amlet.cli.options import json_option
from amlet.cli.terminal import Terminal, plain


@click.command("doctor")
@json_option
def command(as_json: bool) -> int:
    """Look at what amlet needs on this machine. Changes nothing; ends with 1 when something must be mended."""
    found = checks.all_checks()
    if as_json:
        json_output.document(found)
    else:
        out = Terminal(sys.stdout)
        size = max(len(check.name) for check in found)
        for check in found:
            mark = out.good("✓") if check.good else out.bad("✗")
            out.line(f"{mark} {check.name:<{size}}  {plain(check.told)}")
            if check.mend:
                out.line(f"  {'':<{size}}  {out.strong('mend:')} {plain(check.mend)}")
    return 0 if all(check.good for check in found) else 1
