"""The table of commands and what it loads."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from amlet.cli.commands import env, models, server, services
from amlet.cli.lazy import LazyGroup
from amlet.cli.main import main
from amlet.cli.root import COMMANDS, root


def commands(group: click.Command) -> list[tuple[str, click.Command]]:
    """All commands below a group, by their full names."""
    assert isinstance(group, LazyGroup)
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found.append((name, command))
    return found


GROUPS = {"server": server.command, "env": env.command, "models": models.command, "services": services.command}
ALL = [
    *commands(root),
    *((f"{group} {name}", command) for group, held in GROUPS.items() for name, command in commands(held)),
]


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_is_there_under_its_name_and_explains_itself(name, command):
    assert command.name == name.split()[-1]
    assert command.help


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_takes_json(name, command):
    if not isinstance(command, click.Group):
        assert "as_json" in [parameter.name for parameter in command.params]


def test_help_loads_no_command_and_nothing_of_the_sdk():
    code = (
        "import sys; from amlet.cli.main import main; main(['--help']);"
        "print([name for name in sys.modules if name.startswith(('amlet.cli.commands', 'amlet.sdk', 'amlet.server'))])"
    )
    # A process of its own: the modules of this one are loaded already.
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "[]"


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in COMMANDS)


def test_a_misspelt_command_ends_with_2_and_the_nearest_name(capsys):
    assert main(["sumbit"]) == 2
    told = capsys.readouterr()
    assert 'There is no command "sumbit". Did you mean "submit"?' in told.err
    assert told.out == ""


def test_an_unknown_option_ends_with_2(capsys):
    assert main(["ps", "--wide"]) == 2
    assert "--wide" in capsys.readouterr().err


def test_an_option_of_the_script_before_the_dashes_is_told_where_to_go(capsys):
    assert main(["submit", "train.py", "--kernel", "linear"]) == 2
    assert "`amlet submit train.py -- --kernel ...`" in capsys.readouterr().err
