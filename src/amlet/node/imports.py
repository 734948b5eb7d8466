"""What a script imports, read from its sources: it and the modules of its folder that it imports, in their order."""

from __future__ import annotations

import ast
import functools
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 1_000_000
"""Of one source file; a longer one is data."""

MOST_FILES = 200


class Imports(NamedTuple):
    """Import statements, each one alone as text."""

    first: tuple[str, ...]
    """Those that run as the script is loaded, of modules that are neither its folder's nor the standard library's."""
    later: tuple[str, ...]
    """Those in functions."""


class Statement(NamedTuple):
    """One import as it is written."""

    module: str
    names: tuple[str, ...] = ()
    """Of `from module import names`."""
    level: int = 0
    """The dots ahead of the module."""
    later: bool = False

    @property
    def text(self) -> str:
        """The statement without what it calls its names."""
        return f"from {self.module} import {', '.join(self.names)}" if self.names else f"import {self.module}"


def imports_of(script: Path) -> Imports | None:
    """Read a script; None when it cannot be read as Python."""
    reading = _Reading(script.parent)
    if not reading.file(script, is_script=True):
        return None
    return Imports(tuple(reading.first), tuple(sorted(reading.later)))


class _Reading:
    """A walk through the sources of one folder, each file once."""

    def __init__(self, folder: Path) -> None:
        self.first: dict[str, None] = {}
        self.later: set[str] = set()
        self._folder = folder
        self._seen: set[Path] = set()

    def file(self, path: Path, *, package: tuple[str, ...] = (), is_script: bool = False, later: bool = False) -> bool:
        if path in self._seen or len(self._seen) >= MOST_FILES:
            return True
        self._seen.add(path)
        try:
            if path.stat().st_size > MOST_BYTES:
                return False
            found = _statements(path.read_bytes(), is_script)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        for statement in found:
            self._statement(statement, package, later=later or statement.later)
        return True

    def _statement(self, statement: Statement, package: tuple[str, ...], *, later: bool) -> None:
        parts = tuple(statement.module.split(".")) if statement.module else ()
        if statement.level:
            parts = package[: len(package) - statement.level + 1] + parts
            self._own(parts, statement.names, later=later)
            return
        if self._own(parts, statement.names, later=later):
            return
        if parts[0] in sys.stdlib_module_names or parts[0] == "__future__":
            return
        if later:
            self.later.add(statement.text)
        else:
            self.first.setdefault(statement.text)

    def _own(self, parts: tuple[str, ...], names: tuple[str, ...], *, later: bool) -> bool:
        """Read what of a dotted name lies in the folder; whether it is the folder's."""
        place, found = self._folder, False
        for depth, part in enumerate(parts):
            place = place / part
            start, module = place / "__init__.py", place.with_name(part + ".py")
            if start.is_file():
                self.file(start, package=parts[: depth + 1], later=later)
                found = True
            elif module.is_file():
                self.file(module, package=parts[:depth], later=later)
                return True
            elif not place.is_dir():
                return found
        for name in names:
            module, start = place / f"{name}.py", place / name / "__init__.py"
            if start.is_file():
                found = self.file(start, package=(*parts, name), later=later) or True
            elif parts and module.is_file():
                found = self.file(module, package=parts, later=later) or True
        return found


@functools.lru_cache(maxsize=512)
def _statements(source: bytes, is_script: bool) -> list[Statement]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    return list(_walk(tree.body, is_script, later=False))


def _walk(body: list[ast.stmt], is_script: bool, *, later: bool) -> Iterator[Statement]:
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Statement(alias.name, later=later)
        elif isinstance(node, ast.ImportFrom):
            yield Statement(node.module or "", tuple(alias.name for alias in node.names), node.level, later)
        elif isinstance(node, ast.If) and _never(node.test, is_script):
            yield from _walk(node.orelse, is_script, later=later)
        else:
            inside = later or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for part in ("body", "handlers", "orelse", "finalbody", "cases"):
                for held in getattr(node, part, ()):
                    yield from _walk([held] if isinstance(held, ast.stmt) else held.body, is_script, later=inside)


def _never(test: ast.expr, is_script: bool) -> bool:
    """Whether a condition is one that never holds as the file is run: TYPE_CHECKING, or __main__ in a module."""
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    if name == "TYPE_CHECKING":
        return True
    mentions = {held.id for held in ast.walk(test) if isinstance(held, ast.Name)}
    return not is_script and "__name__" in mentions
