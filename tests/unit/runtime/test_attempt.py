"""The files of an attempt's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.runtime.attempt import RESULT_FILE, JobFile, Result


@pytest.mark.parametrize("job", [JobFile("a.py", ["é", "\ud800", "😀\n"]), JobFile(command="echo 'x'")])
def test_a_job_is_read_as_it_was_written(tmp_path: Path, job: JobFile) -> None:
    job.write(tmp_path)
    assert JobFile.read(tmp_path) == job
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]


@pytest.mark.parametrize("job", [JobFile(), JobFile("a.py", [], "ls")])
def test_a_job_has_either_a_script_or_a_command(tmp_path: Path, job: JobFile) -> None:
    with pytest.raises(ValueError, match="either a script or a command"):
        job.write(tmp_path)


@pytest.mark.parametrize("text", [None, "", "{", "{}", "[]", '{"exit_code": 0, "exception": {"x": 1}, "usage": {}}'])
def test_no_result_and_a_broken_one_are_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / RESULT_FILE).write_text(text)
    assert Result.read(tmp_path) is None
