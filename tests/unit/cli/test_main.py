"""How commands end."""

from __future__ import annotations

import click
import pytest

from amlet.base.errors import NotFound
from amlet.cli.main import main
from amlet.cli.root import root
from amlet.sdk.exceptions import UserErrorException


@pytest.fixture
def ends_with(monkeypatch):
    """A command `try` that ends as told."""

    def bind(end: object) -> None:
        @click.command("try")
        def command() -> object:
            if isinstance(end, BaseException):
                raise end
            return end

        table = {"try": "For a test."}
        monkeypatch.setattr(root, "_table", table)
        monkeypatch.setattr(root, "get_command", lambda _ctx, name: command if name in table else None)

    return bind


def test_a_command_that_says_nothing_ends_with_0(ends_with):
    ends_with(None)
    assert main(["try"]) == 0


def test_a_command_ends_with_the_code_it_returns(ends_with):
    ends_with(7)
    assert main(["try"]) == 7


def test_an_error_is_told_with_its_hint_and_ends_with_1(ends_with, capsys):
    ends_with(NotFound("There is no run x.", hint="`amlet ps` lists them."))
    assert main(["try"]) == 1
    told = capsys.readouterr()
    assert told.err == "error: There is no run x.\n  hint: `amlet ps` lists them.\n"
    assert told.out == ""


def test_an_exception_of_v1_is_told_without_its_frame(ends_with, capsys):
    ends_with(UserErrorException("No config.json."))
    assert main(["try"]) == 1
    assert capsys.readouterr().err == "error: No config.json.\n"


def test_ctrl_c_ends_with_130(ends_with, capsys):
    ends_with(KeyboardInterrupt())
    assert main(["try"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_anything_else_is_a_bug_and_is_told_as_one(ends_with, capsys):
    ends_with(ZeroDivisionError("oh"))
    assert main(["try"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "this is a bug in amlet" in told
