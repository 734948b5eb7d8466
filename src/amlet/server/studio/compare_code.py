"""What differs in the sources of runs: the files, and for two runs their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from amlet.domain.comparison import Comparison, FileDiff, FileDifference, file_diff
from amlet.domain.run import Run
from amlet.server.studio.run_files import Fetch
from amlet.server.studio.sources import DiffLine, diff_lines

DIFF_LIMIT_BYTES = 128 << 10
"""Larger files are named only: difflib holds a thread of the server."""
DIFFS_LIMIT_LINES = 4_000
FILES_LIMIT = 200


class CodeFile(NamedTuple):
    """A file of the sources that differs, with its lines where they are told."""

    sign: str
    path: str
    lines: list[DiffLine]
    note: str


class CodeDifference(NamedTuple):
    """What differs in the code of a run from the first one's."""

    run: Run
    files: list[CodeFile]
    left: int


def code_differences(runs: Sequence[Run], comparisons: Sequence[Comparison], fetch: Fetch) -> list[CodeDifference]:
    """What differs of each later run from the first; for two runs line by line. Blocks.

    Args:
        comparisons: Of the first run with each later one.
    """
    with_lines = len(comparisons) == 1
    found = []
    for run, comparison in zip(runs[1:], comparisons, strict=True):
        if comparison.code:
            shown = comparison.code[:FILES_LIMIT]
            files = list(_with_lines(shown, fetch)) if with_lines else [_code_file(file) for file in shown]
            found.append(CodeDifference(run, files, len(comparison.code) - len(shown)))
    return found


def _with_lines(files: Sequence[FileDifference], fetch: Fetch) -> Iterator[CodeFile]:
    left = DIFFS_LIMIT_LINES
    for file in files:
        if left <= 0:
            yield _code_file(file, note="not shown here: `amlet diff` shows all lines")
            continue
        one = _diff(file, fetch)
        lines = diff_lines(one.lines[:left])
        cut = "the rest is not shown here: `amlet diff` shows all lines" if len(one.lines) > left else ""
        left -= len(lines)
        yield _code_file(file, lines, one.note or cut)


def _diff(file: FileDifference, fetch: Fetch) -> FileDiff:
    entries = [entry for entry in (file.left, file.right) if entry is not None]
    if any(entry.size_bytes > DIFF_LIMIT_BYTES for entry in entries):
        return FileDiff(file.path, [], "too large to compare here: `amlet diff` does")
    texts = {entry.sha256: fetch(entry.sha256, DIFF_LIMIT_BYTES) for entry in entries}
    if None in texts.values():
        return FileDiff(file.path, [], "it cannot be read")
    left, right = (texts[entry.sha256] if entry else None for entry in (file.left, file.right))
    return file_diff(file, left, right)


def _code_file(file: FileDifference, lines: Sequence[DiffLine] = (), note: str = "") -> CodeFile:
    sign = "+" if file.left is None else "-" if file.right is None else "~"
    return CodeFile(sign, file.path, [*lines], note)
