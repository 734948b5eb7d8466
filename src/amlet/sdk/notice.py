"""Lines to the user that are not the answer: on stderr, so that a script's output stays its own."""

from __future__ import annotations

import sys
import warnings
from typing import Any, Sequence


def say(message: str) -> None:
    """One line on stderr, marked as ours."""
    print(f"amlet: {message}", file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Something that does not stop the call, but that the user would want to know."""
    say(f"warning: {message}")


def warn_ignored(call: str, names: Sequence[str], *, stacklevel: int = 3) -> None:
    """Name the arguments that were accepted and have no effect here."""
    if names:
        listed = ", ".join(names)
        warnings.warn(f"{call}: no effect here: {listed}", UserWarning, stacklevel=stacklevel)


def given(**arguments: Any) -> list[str]:
    """The names of those arguments that were given, that is, are not None."""
    return [name for name, value in arguments.items() if value is not None]
