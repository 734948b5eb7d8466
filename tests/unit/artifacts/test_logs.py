"""Logs whose size no record keeps: those of services."""

from __future__ import annotations

from pathlib import Path

from amlet.artifacts.logs import LogFolder


def test_a_log_keeps_its_newest_whole_lines_within_its_limit(tmp_path: Path) -> None:
    logs = LogFolder(tmp_path)
    lines = [b"line %d\n" % number for number in range(1000)]
    for line in lines:
        logs.append(7, line, limit_bytes=400)

    kept = logs.read(7, 0, 10_000)
    assert 200 <= logs.size(7) == len(kept) <= 400 + len(lines[-1])
    assert b"".join(lines).endswith(kept) and kept.startswith(b"line ")
    assert logs.tail(7, 2) == lines[-2] + lines[-1]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["7.log"]


def test_a_log_that_nobody_wrote_is_empty(tmp_path: Path) -> None:
    logs = LogFolder(tmp_path)
    assert (logs.size(1), logs.read(1, 0, 10), logs.tail(1, 10)) == (0, b"", b"")
    logs.append(1, b"x")
    logs.remove(1)
    assert logs.size(1) == 0
