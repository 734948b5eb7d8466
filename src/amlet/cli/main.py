"""The entry point, and how every command ends: exit code, message and hint."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from amlet.base.errors import AmletError
from amlet.cli.root import root

FAILED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: what the command says, else 0; 1 for an error, 2 for bad usage, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(getattr(stream, "errors", None), str) and hasattr(stream, "reconfigure"):
            # A name that the terminal's encoding lacks must not end a command.
            stream.reconfigure(errors="backslashreplace")
    _tell_warnings_plainly()
    try:
        code = root.main(args=None if arguments is None else list(arguments), prog_name="amlet", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("amlet: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except AmletError as error:
        from amlet.cli.terminal import Terminal

        Terminal(sys.stderr).error(error)
        return FAILED
    except Exception:  # noqa: BLE001 - whatever comes here is a bug of ours, and is told as one
        import traceback

        traceback.print_exc(file=sys.stderr)
        print(
            "amlet: this is a bug in amlet. Please report it with the traceback above and the command that was given.",
            file=sys.stderr,
        )
        return FAILED
    return code if isinstance(code, int) else 0


def _tell_warnings_plainly() -> None:
    """What the SDK tells callers by `warnings.warn` is one line here, without a place in our code."""
    if sys.warnoptions:
        return
    import warnings

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if issubclass(category, UserWarning):
            print(f"amlet: warning: {message}", file=sys.stderr)

    warnings.showwarning = show


def _drop_output() -> None:
    """Nobody reads our output any more: let the interpreter's last flush go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
