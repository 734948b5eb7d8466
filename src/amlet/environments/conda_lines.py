"""One line of a conda yaml: its parts, and what of its version PyPI understands."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_BRACKETS = re.compile(r"([^\[\]]*)\[(.*)\]", re.DOTALL)
_PAIR = re.compile(r"""\s*([a-z_0-9]+)\s*=\s*('[^']*'|"[^"]*"|[^,\s'"]+)\s*(?:,|$|(?=\s))""")
_VERSION = r"[0-9][A-Za-z0-9.!+_\-]*(?:\.?\*)?"
_EXACT = re.compile(rf"={{0,2}}\s*({_VERSION}|\*)(?:=|\s+)([^=<>!~,|\s]\S*)")
_BOUND_AND_BUILD = re.compile(r"([=<>!~].*?[0-9*])\s+([^=<>!~,|\s0-9][^\s,|]*|\*\S*)")
_CLAUSE = re.compile(rf"(===?|~=|!=|>=|<=|>|<|=)?\s*({_VERSION}|\*)")
_COMMENT = re.compile(r"(^|\s)#.*$")

_PLACES = ("channel", "subdir")
_FILE_FACTS = ("build_number", "fn", "features", "license", "license_family", "md5", "sha256", "track_features", "url")


class Unreadable(Exception):
    """Why a line cannot be taken, with the way out."""


class CondaLine(NamedTuple):
    """What a line asks for: `channel::name=version=build`, or the same with brackets."""

    name: str
    """In lower case, as conda has it."""
    version: str = ""
    """As written, without a build string."""
    build: str = ""
    channel: str = ""
    facts: tuple[str, ...] = ()
    """Other keys of its brackets, such as `md5`."""


class PyPIVersion(NamedTuple):
    """A version in PyPI's words."""

    specifier: str
    """`==1.19.*,!=1.19.3`, or an empty text."""
    instead_of: str = ""
    """The alternatives that it was chosen from; PyPI knows none."""


def without_comment(line: str) -> str:
    """The line without its comment and blanks around."""
    return _COMMENT.sub("", line).strip()


def parse(line: str) -> CondaLine | None:
    """Take a line apart; None for a line that holds nothing.

    Raises:
        Unreadable: for a line that conda would not take either.
    """
    text = without_comment(line)
    if not text:
        return None
    keys: dict[str, str] = {}
    brackets = _BRACKETS.fullmatch(text)
    if brackets is not None:
        text, keys = brackets[1].strip(), _keys(brackets[2])
    channel = ""
    if "::" in text:
        channel, text = (part.strip() for part in text.split("::", 1))
    match = _NAME.match(text)
    if match is None:
        raise Unreadable("is not a conda package: write it as numpy=1.19")
    version, build = _version_and_build(text[match.end() :].strip())
    build = keys.get("build") or keys.get("build_string") or build
    return CondaLine(
        match[0].lower(),
        keys.get("version", version).strip(),
        "" if build == "*" else build,
        keys.get("channel", channel),
        tuple(key for key in keys if key in _FILE_FACTS),
    )


def pypi_version(version: str, *, is_prefix: bool = False) -> PyPIVersion:
    """A version of conda's in PyPI's words: `=1.19` → `==1.19.*`, `1.4|1.5` → `==1.5.*`.

    Args:
        is_prefix: An exact version is only the beginning of PyPI's.

    Raises:
        Unreadable: for a version that cannot be read.
    """
    if not version or version == "*":
        return PyPIVersion("")
    if "(" in version or version.startswith("^"):
        raise Unreadable("has a version with groups or a pattern, which PyPI has nothing like: write numpy>=1.19,<2")
    alternatives = [part.strip() for part in version.split("|")]
    specifiers = [",".join(_clauses(part, is_prefix=is_prefix)) for part in alternatives]
    if len(alternatives) == 1:
        return PyPIVersion(specifiers[0])
    newest = max(range(len(alternatives)), key=lambda at: (not specifiers[at], _numbers(alternatives[at])))
    return PyPIVersion(specifiers[newest], version)


def _keys(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip()):
        match = _PAIR.match(text, at)
        if match is None or match[1] not in ("version", "build", "build_string", *_PLACES, *_FILE_FACTS):
            raise Unreadable("has brackets that cannot be read: write them as numpy[version='>=1.19,<2']")
        found[match[1]] = match[2].strip("'\"")
        at = match.end()
    return found


def _version_and_build(text: str) -> tuple[str, str]:
    """`=1.19.2=py38_0`, `1.19.2 py38_0` and `>=1.19 py38*` have a build string at their end."""
    exact = _EXACT.fullmatch(text)
    if exact is not None:
        is_exact = not exact[1].endswith("*") and exact[2] != "*"
        return (f"=={exact[1]}" if is_exact else exact[1]), exact[2]
    bound = _BOUND_AND_BUILD.fullmatch(text)
    return (bound[1], bound[2]) if bound is not None else (text, "")


def _clauses(text: str, *, is_prefix: bool) -> list[str]:
    clauses = []
    for part in text.split(","):
        clause = _CLAUSE.fullmatch(part.strip())
        if clause is None:
            raise Unreadable("has a version that cannot be read: write it as numpy=1.19 or numpy>=1.19,<2")
        operator, version = clause[1] or "=", clause[2]
        stem = version.rstrip("*").rstrip(".")
        if not stem:
            continue
        if operator == "=" or (operator == "==" and is_prefix):
            # `numpy 1.19` and `numpy=1.19` are both conda's "1.19 and what follows".
            clauses.append(f"=={stem}.*")
        elif version == stem:
            clauses.append(operator + version)
        elif operator in ("==", "!="):
            clauses.append(f"{operator}{stem}.*")
        else:
            clauses.append(operator + stem)
    return clauses


def _numbers(text: str) -> tuple[int, ...]:
    """The greatest version that a text names."""
    found = re.findall(r"\d+(?:\.\d+)*", text)
    return max((tuple(int(part) for part in version.split(".")) for version in found), default=())
