"""What a process has of the runs that it logs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import StaleAttempt, Unavailable
from amlet.sdk.draining import Drainer
from amlet.sdk.recording import Nowhere, Recorder, background, bring_all, remember


@pytest.fixture
def recorder(tmp_path: Path, held: Any) -> Any:
    made = Recorder(lambda: held, "run_1", 0, tmp_path, tmp_path / "journals")
    remember("ws_1", made)
    yield made
    made.close()


def test_draining_twice_changes_nothing(recorder: Recorder, held: Any) -> None:
    recorder.journal.append("x", "scalar", 1.0)
    recorder.bring()
    (before,) = held.client.runs.drained.values()
    recorder.bring()
    bring_all("ws_1")
    assert list(held.client.runs.drained.values()) == [before]


def test_what_another_drainer_brought_is_not_sent_again(recorder: Recorder, held: Any, tmp_path: Path) -> None:
    recorder.journal.append("x", "scalar", 1.0)
    Drainer(tmp_path / "journals", "run_1", 0).drain(held.client, "ws_1")
    recorder.journal.append("x", "scalar", 2.0)
    recorder.bring()
    (whole,) = held.client.runs.drained.values()
    assert whole == next((tmp_path / "journals").iterdir()).read_bytes()


def test_a_line_longer_than_a_piece_is_sent_whole(recorder: Recorder, held: Any) -> None:
    recorder.journal.append("x", "list", ["y" * 1_000_000] * 6)
    recorder.journal.append("x", "scalar", 1.0)
    recorder.bring()
    (whole,) = held.client.runs.drained.values()
    assert len(whole) > 6_000_000 and whole.endswith(b"\n") and b'"v":1.0' in whole


def test_a_torn_last_line_waits_for_its_end(held: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"journal":1}\n{"n":"x"')
    drainer = Drainer(tmp_path, "run_1", 0)
    drainer.drain(held.client, "ws_1")
    assert held.client.runs.drained == {"a.jsonl": b'{"journal":1}\n'}


def test_files_are_brought_before_what_refers_to_them(recorder: Recorder, held: Any) -> None:
    recorder.keep_file("cm", b"{}")
    recorder.journal.append("cm", "confusion_matrix", "aml://x")
    recorder.bring()
    assert [name for name, _ in held.client.runs.calls[:2]] == ["put_files", "drain"]


def test_after_somebody_else_ended_the_run_logging_goes_nowhere_with_one_warning(
    recorder: Recorder, held: Any, capsys: Any
) -> None:
    def over(*_: object) -> None:
        raise StaleAttempt("it is Canceled.")

    held.client.runs.drain = over
    recorder.journal.append("x", "scalar", 1.0)
    bring_all("ws_1")
    recorder.journal.append("x", "scalar", 2.0)
    bring_all("ws_1")
    assert isinstance(recorder.journal, Nowhere)
    assert capsys.readouterr().err.count("not kept") == 1


def test_a_server_that_is_away_leaves_everything_where_it_is(recorder: Recorder, held: Any) -> None:
    def away(*_: object) -> None:
        raise Unavailable("away")

    drain, held.client.runs.drain = held.client.runs.drain, away
    recorder.journal.append("x", "scalar", 1.0)
    with pytest.raises(Unavailable):
        recorder.bring()
    held.client.runs.drain = drain
    recorder.bring()
    assert held.client.runs.drained


def test_a_closed_recorder_is_no_longer_looked_after(recorder: Recorder) -> None:
    background.watch(recorder)
    recorder.close()
    assert recorder not in background._recorders and recorder.over
