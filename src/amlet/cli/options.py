"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """`--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout and nothing else there.")(
        function
    )


def workspace_options(function: F) -> F:
    """`-w/--workspace` and `-C/--folder`, as the arguments `workspace` and `folder`."""
    named = click.option(
        "-w",
        "--workspace",
        metavar="NAME",
        help="The workspace: NAME, or SUBSCRIPTION/GROUP/NAME. Default: config.json's, else this machine's own.",
    )
    placed = click.option(
        "-C",
        "--folder",
        metavar="FOLDER",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=Path(),
        help="Act as if started in this folder.",
    )
    return named(placed(function))


def key_values(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """A click callback: `KEY=VALUE`s as a dict; the last of a key holds."""
    found = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE.", ctx, param)
        found[key] = value
    return found


def keys_or_values(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str | None]:
    """A click callback: `KEY=VALUE`s and `KEY`s as a dict; a key alone has the value None. The last of a key holds."""
    found: dict[str, str | None] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not key:
            raise click.BadParameter(f"{text!r} is not KEY or KEY=VALUE.", ctx, param)
        found[key] = value if sign else None
    return found
