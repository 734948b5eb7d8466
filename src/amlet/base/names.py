"""What things may be called. Checked at the edge, once, on both sides."""

from __future__ import annotations

import re
from typing import NamedTuple, Pattern

from amlet.base.errors import InvalidInput


class NameRule(NamedTuple):
    """One kind of name: what it names, the pattern it must match as a whole, and the rule in words."""

    noun: str
    pattern: Pattern[str]
    words: str

    def allows(self, name: object) -> bool:
        """Whether the whole name matches. Unlike v1, a trailing newline does not pass (v1-behaviours 1.7)."""
        return isinstance(name, str) and self.pattern.fullmatch(name) is not None

    def check(self, name: object) -> str:
        """The name itself.

        Raises:
            InvalidInput: if it breaks the rule.
        """
        if not self.allows(name):
            raise InvalidInput(f"{name!r} cannot be the name of {self.noun}: {self.words}.")
        return str(name)


WORKSPACE = NameRule(
    "a workspace",
    re.compile(r"[a-zA-Z0-9][\w\-]{1,32}"),
    "2 to 33 letters, digits, '_' or '-', the first a letter or digit",
)
EXPERIMENT = NameRule(
    "an experiment",
    re.compile(r"[a-zA-Z0-9][\w\-]{0,254}"),
    "1 to 255 letters, digits, '_' or '-', the first a letter or digit",
)
RUN_ID = NameRule(
    "a run",
    re.compile(r"[a-zA-Z0-9][\w\-.]{0,255}"),
    "1 to 256 letters, digits, '_', '-' or '.', the first a letter or digit",
)
MODEL = NameRule(
    "a model",
    re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}"),
    "1 to 255 letters, digits, '-', '.' or '_', the first a letter or digit",
)
ALIAS = NameRule(
    "an alias",
    re.compile(r"(?![0-9]+\Z)[a-zA-Z0-9][a-zA-Z0-9_\-]{0,63}"),
    "1 to 64 letters, digits, '-' or '_', not a number alone",
)
SERVICE = NameRule(
    "a service",
    re.compile(r"(?=.{3,32}\Z)[a-z](?:[-a-z0-9]*[a-z0-9])?"),
    "3 to 32 lower-case letters, digits or '-', the first a letter, the last a letter or digit",
)
ENDPOINT_VERSION = NameRule(
    "a version of an endpoint",
    re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_\-]{0,62}[a-zA-Z0-9])?"),
    "1 to 64 letters, digits, '_' or '-', the first and last a letter or digit",
)
ENVIRONMENT = NameRule(
    "an environment",
    re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_\-. ]{0,254}"),
    "1 to 255 letters, digits, '_', '-', '.' or blanks, the first a letter or digit",
)
COMPUTE_TARGET = NameRule(
    "a compute target",
    re.compile(r"(?=.{2,24}\Z)[a-zA-Z](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])"),
    "2 to 24 letters, digits or '-', the first a letter, the last a letter or digit",
)

DATASTORE = NameRule(
    "a datastore",
    re.compile(r"[a-zA-Z0-9_]{1,255}"),
    "1 to 255 letters, digits or '_'",
)
DATASET = NameRule(
    "a dataset",
    re.compile(r"(?=.{1,255}\Z)[^\s/\\\x00-\x1f](?:[^/\\\x00-\x1f]*[^\s/\\\x00-\x1f])?"),
    "1 to 255 characters without slashes, the first and last no blank",
)
INPUT = NameRule(
    "an input or output",
    re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*"),
    "letters, digits or '_', the first a letter or '_'",
)
"""v1-behaviours 13.10."""
REFERENCE = NameRule("a data reference", re.compile(r"[a-zA-Z0-9_]{1,255}"), "1 to 255 letters, digits or '_'")
"""It names a variable only after `AZUREML_DATAREFERENCE_`."""
SECRET = NameRule(
    "a secret",
    re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-]{0,126}"),
    "1 to 127 letters, digits or '-', the first a letter or digit",
)


def closest(name: str, known: list[str]) -> str:
    """`did you mean "x"? ` for the nearest known name, or an empty text."""
    import difflib

    lowered = {item.lower(): item for item in known}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return f'did you mean "{lowered[near[0]]}"? ' if near else ""
