"""Where a run's code came from: git's facts, what was not committed, the files of its snapshot."""

from __future__ import annotations

from typing import NamedTuple

from amlet.base.errors import NotFound
from amlet.domain.artifact import Tree
from amlet.domain.comparison import CODE
from amlet.domain.run import SNAPSHOT, UNCOMMITTED, Run
from amlet.server.studio.run_files import FileRow, RunFiles, blob_href
from amlet.store.base import Transaction

FILES_LIMIT = 500
DIFF_LIMIT_BYTES = 64 << 10
DIFF_LIMIT_LINES = 2_000

_GIT = dict(zip(CODE, ("Repository", "Branch", "Commit", "Uncommitted changes"), strict=True))
_YES = {"True": "yes", "False": "no"}


class DiffLine(NamedTuple):
    """A line of a diff, and how it is shown: `added`, `gone`, `place`, `name` or nothing."""

    tone: str
    text: str


class Sources(NamedTuple):
    """What the page tells of the code."""

    git: list[tuple[str, str]]
    diff: list[DiffLine]
    diff_cut: bool
    diff_href: str
    files: list[FileRow]
    files_left: int
    size_bytes: int

    @property
    def is_empty(self) -> bool:
        return not (self.git or self.diff or self.files)


def read_snapshot(tx: Transaction, run: Run) -> Tree | None:
    """The files of the sources; None for a run without, which an interactive one may be."""
    held = run.properties.get(SNAPSHOT)
    if held is None:
        return None
    try:
        return tx.trees.get(held)
    except NotFound:  # the property may be the user's own word
        return None


def sources_view(run: Run, snapshot: Tree | None, files: RunFiles) -> Sources:
    """Shape it for a page."""
    record = files.find(UNCOMMITTED)
    content = files.read(UNCOMMITTED, DIFF_LIMIT_BYTES) if record else None
    # Only at line feeds, as git does: `splitlines` also splits at form feeds and others.
    lines = content.decode("utf-8", "replace").removesuffix("\n").split("\n") if content else []
    entries = snapshot.entries if snapshot else []
    return Sources(
        git=[
            (title, _YES.get(run.properties[name], run.properties[name]))
            for name, title in _GIT.items()
            if name in run.properties
        ],
        diff=diff_lines(lines[:DIFF_LIMIT_LINES]),
        diff_cut=record is not None and (record.size_bytes > DIFF_LIMIT_BYTES or len(lines) > DIFF_LIMIT_LINES),
        diff_href=files.href(UNCOMMITTED) if record else "",
        files=[
            FileRow(entry.path, entry.size_bytes, blob_href(run.workspace_id, entry.sha256))
            for entry in entries[:FILES_LIMIT]
        ],
        files_left=max(0, len(entries) - FILES_LIMIT),
        size_bytes=sum(entry.size_bytes for entry in entries),
    )


def diff_lines(lines: list[str]) -> list[DiffLine]:
    """Lines of a unified diff with their tones."""
    return [DiffLine(_tone(line), line[:2000]) for line in lines]


def _tone(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "name"
    if line.startswith("@@"):
        return "place"
    return {"+": "added", "-": "gone"}.get(line[:1], "")
