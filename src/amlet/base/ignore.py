"""Ignore rules: gitignore's language by a small matcher of ours, and what no snapshot takes unasked."""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable, List, NamedTuple, Optional, Pattern, Set, Tuple

DEFAULTS = (
    ".git",
    ".hg",
    ".svn",
    "__pycache__/",
    "*.pyc",
    ".ipynb_checkpoints/",
    "node_modules/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".tox/",
    ".DS_Store",
    "azureml-logs/",
    "azureml-setup/",
    "/outputs/",
    "/logs/",
    "/.azureml/*",
    "!/.azureml/config.json",
    "/aml_config/*",
    "!/aml_config/config.json",
)
"""What is left out always (v1-behaviours 19e), unless the ignore file, which comes after it, says otherwise.

`outputs` and `logs` of the root are what a run writes. A config.json stays, for `Workspace.from_config()` in a job.
"""

ENVIRONMENT_MARKS: FrozenSet[str] = frozenset(("pyvenv.cfg", "conda-meta"))
"""A folder below the root that holds one of these is a Python environment, whatever its name: left out likewise."""

SECRET_NAMES: FrozenSet[str] = frozenset(
    (".env", ".netrc", ".git-credentials", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
)
"""Files that hold passwords or private keys by their name, at any depth."""

KEY_SUFFIXES = (".pem", ".key")
"""Files that may hold a private key: only those in whose text `KEY_MARK` stands. A certificate may travel."""

KEY_MARK = b"PRIVATE KEY-----"

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\t\n\r\x0b\x0c\x20",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class IgnoreRules:
    """An ordered list of patterns of which the last that matches decides.

    The rules are git's as its source has them (dir.c and wildmatch.c of 2.39), with two exceptions: `?` and `[...]`
    take one character where git takes one byte, and `a**/b` means `a*/b`, as gitignore(5) says and git does not do.
    Immutable, safe to use from any thread.
    """

    def __init__(self, blocks: Iterable[_Block]) -> None:
        self._newest_first = tuple(blocks)[::-1]

    @classmethod
    def parse(cls, lines: Iterable[str]) -> IgnoreRules:
        """Read the lines of an ignore file, with or without their ends (`text.split("\\n")`, not `splitlines`).

        No line is an error: a pattern that cannot match, such as one with an unclosed bracket, matches nothing.
        """
        blocks: List[_BlockBuilder] = []
        for number, line in enumerate(lines):
            rule = _parse_line(line[1:] if number == 0 and line.startswith("\ufeff") else line)
            if rule is None:
                continue
            if not blocks or blocks[-1].ignored != rule.ignored:
                blocks.append(_BlockBuilder(rule.ignored))
            blocks[-1].add(rule)
        return cls(block.build() for block in blocks)

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether a relative path (`src/train.py`) is left out, by itself or with a folder above it.

        What lies in an ignored folder cannot be included again, as in git.
        """
        end = path.find("/")
        while end >= 0:
            if self.decide(path[:end], True):
                return True
            end = path.find("/", end + 1)
        return bool(self.decide(path, is_folder))

    def decide(self, path: str, is_folder: bool) -> Optional[bool]:
        """What the rules say of this path alone: True ignored, False included by a `!`, None nothing."""
        name = path[path.rfind("/") + 1 :]
        for block in self._newest_first:
            if block.any.matches(path, name) or (is_folder and block.folder.matches(path, name)):
                return block.ignored
        return None


class _Rule(NamedTuple):
    """One pattern: whether it ignores or includes, whether it speaks of folders only, of names or of whole paths."""

    ignored: bool
    folder_only: bool
    whole_path: bool
    literal: Optional[str]
    regex: str


class _Matcher(NamedTuple):
    """Many patterns of one kind, joined: two look-ups and at most two expressions a path, however many there are."""

    names: FrozenSet[str]
    paths: FrozenSet[str]
    name_regex: Optional[Pattern[str]]
    path_regex: Optional[Pattern[str]]

    def matches(self, path: str, name: str) -> bool:
        return (
            name in self.names
            or path in self.paths
            or (self.name_regex is not None and self.name_regex.fullmatch(name) is not None)
            or (self.path_regex is not None and self.path_regex.fullmatch(path) is not None)
        )


class _Block(NamedTuple):
    """Neighbouring patterns with the same verdict; among them order does not matter."""

    ignored: bool
    any: _Matcher
    folder: _Matcher


class _BlockBuilder:
    def __init__(self, ignored: bool) -> None:
        self.ignored = ignored
        self._rules: List[_Rule] = []

    def add(self, rule: _Rule) -> None:
        self._rules.append(rule)

    def build(self) -> _Block:
        return _Block(self.ignored, self._matcher(folder_only=False), self._matcher(folder_only=True))

    def _matcher(self, *, folder_only: bool) -> _Matcher:
        literals: Tuple[Set[str], Set[str]] = (set(), set())
        regexes: Tuple[List[str], List[str]] = ([], [])
        for rule in self._rules:
            if rule.folder_only != folder_only:
                continue
            if rule.literal is not None:
                literals[rule.whole_path].add(rule.literal)
            else:
                regexes[rule.whole_path].append(rule.regex)
        return _Matcher(frozenset(literals[0]), frozenset(literals[1]), _union(regexes[0]), _union(regexes[1]))


def _union(regexes: List[str]) -> Optional[Pattern[str]]:
    return re.compile("|".join(f"(?:{regex})" for regex in regexes), re.DOTALL) if regexes else None


def _parse_line(line: str) -> Optional[_Rule]:
    text = line[:-1] if line.endswith("\n") else line
    text = text[:-1] if text.endswith("\r") else text
    if text.startswith("#"):
        return None
    text = _without_trailing_blanks(text)
    ignored = not text.startswith("!")
    pattern = text if ignored else text[1:]
    folder_only = pattern.endswith("/")
    if folder_only:
        pattern = pattern[:-1]
    whole_path = "/" in pattern
    if pattern.startswith("/"):
        pattern = pattern[1:]
    if not pattern:
        return None
    if not any(sign in pattern for sign in "*?[\\"):
        return _Rule(ignored, folder_only, whole_path, pattern, "")
    regex = _regex(pattern, whole_path=whole_path)
    return None if regex is None else _Rule(ignored, folder_only, whole_path, None, regex)


def _without_trailing_blanks(text: str) -> str:
    """Cut blanks at the end (not tabs), save those that a backslash protects."""
    kept = index = 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
            if index == len(text):
                return text
            kept = index + 1
        elif text[index] != " ":
            kept = index + 1
        index += 1
    return text[:kept]


def _regex(pattern: str, *, whole_path: bool) -> Optional[str]:
    """The pattern as a regular expression for a full match; None if nothing can match it."""
    parts: List[str] = []
    index, end = 0, len(pattern)
    while index < end:
        sign = pattern[index]
        if sign == "*":
            start = index
            while index < end and pattern[index] == "*":
                index += 1
            if whole_path and index - start > 1 and (start == 0 or pattern[start - 1] == "/"):
                if index == end or pattern.startswith("\\/", index):
                    parts.append(".*")
                    continue
                if pattern[index] == "/":
                    parts.append("(?:.*/)?")
                    index += 1
                    while pattern.startswith("**/", index):  # `**/**/` is `**/`: without this, matching is slow
                        index += 3
                    continue
            parts.append("[^/]*")
        elif sign == "?":
            parts.append("[^/]")
            index += 1
        elif sign == "[":
            found = _bracket(pattern, index + 1)
            if found is None:
                return None
            part, index = found
            parts.append(part)
        else:
            if sign == "\\":
                index += 1
                if index == end:
                    return None
            parts.append(re.escape(pattern[index]))
            index += 1
    return "".join(parts)


def _bracket(pattern: str, index: int) -> Optional[Tuple[str, int]]:
    """Read `[...]` from behind its opening on: an expression for one character, and where the pattern goes on.

    Unclosed brackets and unknown `[:classes:]` give None: git lets them match nothing.
    """
    end = len(pattern)
    negated = index < end and pattern[index] in "!^"
    index += negated
    items: List[str] = []
    previous: Optional[str] = None
    first = True
    while True:
        if index >= end:
            return None
        sign = pattern[index]
        if sign == "]" and not first:
            break
        first = False
        if sign == "\\":
            index += 1
            if index >= end:
                return None
            previous = pattern[index]
            items.append(_escaped(previous))
        elif sign == "-" and previous is not None and index + 1 < end and pattern[index + 1] != "]":
            index += 1
            if pattern[index] == "\\":
                index += 1
                if index >= end:
                    return None
            if previous <= pattern[index]:
                items.append(f"{_escaped(previous)}-{_escaped(pattern[index])}")
            previous = None
        elif pattern.startswith("[:", index):
            close = pattern.find("]", index + 2)
            if close < 0:
                return None
            if close - 1 >= index + 2 and pattern[close - 1] == ":":
                known = _CLASSES.get(pattern[index + 2 : close - 1])
                if known is None:
                    return None
                items.append(known)
                index, previous = close, None
            else:
                items.append(_escaped("["))
                previous = "["
        else:
            items.append(_escaped(sign))
            previous = sign
        index += 1
    index += 1
    if not items:
        return ("[^/]" if negated else "(?!)"), index
    return "(?!/)[{}{}]".format("^" if negated else "", "".join(items)), index


def _escaped(sign: str) -> str:
    return f"\\U{ord(sign):08x}"
