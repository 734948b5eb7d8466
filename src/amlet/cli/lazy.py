"""A click group that loads a command's file only when that command is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from amlet.base.names import closest


class LazyGroup(click.Group):
    """Commands by name, with their one-line help here, so that `--help` loads none of them.

    Args:
        folder: The package that holds a module a command; its `command` is the command.
        table: Name to one-line help, in the order shown.
    """

    def __init__(self, *args: Any, folder: str, table: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._folder = folder
        self._table = dict(table)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._table:
            return None
        command: click.Command = importlib.import_module(f"{self._folder}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._table and not args[0].startswith("-"):
            ctx.fail(
                f'There is no command "{args[0]}". {closest(args[0], list(self._table)).capitalize()}'
                f"It has: {', '.join(self._table)}."
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.items()))
