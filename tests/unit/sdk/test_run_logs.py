"""The logs of a run, read at one look after the other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from amlet.base.errors import Unavailable
from amlet.sdk.run_logs import TRIES, RunLogs
from amlet.wire.files import RunFile

BUILD = "azureml-logs/20_image_build_log.txt"
LOG = "user_logs/std_log.txt"
FIRST, SECOND = "user_logs/attempt_1/std_log.txt", "user_logs/attempt_2/std_log.txt"
WANTED = re.compile(r"(?:azureml-logs/20_|user_logs/std_log).*\.txt\Z")


class Looks:
    """Looks at the logs of a run whose files a test names."""

    def __init__(self, held: Any, make_run: Any) -> None:
        self.held = held
        self.run = make_run()

    def logs(self, **options: Any) -> RunLogs:
        return RunLogs(self.held, self.run.id, WANTED, **options)

    def look(self, logs: RunLogs, files: dict[str, bytes], **sizes: int) -> str:
        """What is told, each log below its name. The server may have said other sizes than there are now."""
        self.held.client.runs.story = [(self.run, files)]
        listed = [RunFile(name, sizes.get("told", len(data)), True) for name, data in files.items()]
        return "".join(f"<{piece.name}>" if piece.begins else piece.text for piece in logs.news(listed))


@pytest.fixture
def looks(held: Any, make_run: Any) -> Looks:
    return Looks(held, make_run)


def test_a_log_is_read_on_from_where_it_was_left(looks: Looks) -> None:
    logs = looks.logs()
    assert looks.look(logs, {}) == ""
    assert looks.look(logs, {LOG: b"one\n"}) == f"<{LOG}>one\n"
    assert looks.look(logs, {LOG: b"one\ntwo\n"}) == "two\n"
    assert looks.look(logs, {LOG: b"one\ntwo\n"}) == ""


def test_a_log_that_is_known_in_part_goes_on_there(looks: Looks) -> None:
    logs = looks.logs(begun=(LOG, 4))
    assert looks.look(logs, {LOG: b"one\ntwo\n"}) == "two\n"


def test_a_character_that_comes_in_two_pieces_is_whole(looks: Looks) -> None:
    data = "größe\n".encode()
    logs = looks.logs()
    assert looks.look(logs, {LOG: data[:3]}) + looks.look(logs, {LOG: data}) == f"<{LOG}>größe\n"


def test_bytes_that_are_no_text_are_shown_all_the_same(looks: Looks) -> None:
    logs = looks.logs()
    assert looks.look(logs, {LOG: b"\xff\nend \xc3"}) == f"<{LOG}>\ufffd\nend "
    assert logs.rest() == "\ufffd"


def test_the_log_before_is_read_to_its_end_ahead_of_the_next(looks: Looks) -> None:
    logs = looks.logs()
    assert looks.look(logs, {BUILD: b"cut \xc3"}) == f"<{BUILD}>cut "
    told = looks.look(logs, {BUILD: b"cut \xc3\xbc\nready", LOG: b"one\n", "outputs/x.txt": b"not a log"})
    assert told == f"ü\nready<{LOG}>one\n"
    assert looks.look(logs, {BUILD: b"cut \xc3\xbc\nready, later", LOG: b"one\n"}) == ""


def test_attempts_are_read_one_after_the_other(looks: Looks) -> None:
    logs = looks.logs()
    assert looks.look(logs, {LOG: b"one\nt"}) == f"<{LOG}>one\nt"
    files = {SECOND: b"again\n", FIRST: b"one\ntwo\n", LOG: b"last, and longer than the first\n"}
    assert looks.look(logs, files) == f"wo\n<{LOG}>again\n<{LOG}>last, and longer than the first\n"
    assert looks.look(logs, files) == ""


def test_the_tenth_attempt_comes_after_the_ninth(looks: Looks) -> None:
    files = {f"user_logs/attempt_{number}/std_log.txt": b"%d " % number for number in (10, 9, 8)}
    assert looks.look(looks.logs(), files).replace(f"<{LOG}>", "") == "8 9 10 "


def test_attempts_that_were_over_before_the_first_look_are_read_from_the_beginning(looks: Looks) -> None:
    files = {BUILD: b"cache hit\n", FIRST: b"one\n", LOG: b"two\n"}
    assert looks.look(looks.logs(), files) == f"<{LOG}>one\n<{LOG}>two\n"
    assert looks.look(looks.logs(), {FIRST: b"one\n"}) == f"<{LOG}>one\n"  # and the run may be cancelled now


def test_who_asks_for_the_last_attempt_gets_it_and_those_that_follow(looks: Looks) -> None:
    logs = looks.logs(with_past=False)
    assert looks.look(logs, {FIRST: b"old\n", LOG: b"new\n"}) == f"<{LOG}>new\n"
    assert looks.look(logs, {FIRST: b"old\n", SECOND: b"new\nend\n"}) == "end\n"


def test_a_log_that_was_read_whole_before_it_was_set_aside_is_not_read_again(looks: Looks) -> None:
    logs = looks.logs()
    looks.look(logs, {LOG: b"one\n"})
    assert looks.look(logs, {FIRST: b"one\n"}) == ""
    assert looks.look(logs, {FIRST: b"one\n", LOG: b"two\n"}) == f"<{LOG}>two\n"


def test_a_log_that_became_shorter_is_that_of_another_attempt(looks: Looks) -> None:
    logs = looks.logs()
    looks.look(logs, {LOG: b"of a node that was lost\n"})
    assert looks.look(logs, {LOG: b"anew\n"}) == f"<{LOG}>anew\n"


def test_a_log_that_takes_its_other_name_meanwhile_is_read_at_the_next_look(looks: Looks) -> None:
    logs = looks.logs()
    looks.held.client.runs.story = [(looks.run, {})]
    assert [piece.text for piece in logs.news([RunFile(LOG, 5, True)])] == [""]
    assert looks.look(logs, {FIRST: b"hello"}) == "hello"


def test_a_log_that_is_shorter_than_it_was_said_to_be_is_not_waited_for(looks: Looks) -> None:
    assert looks.look(looks.logs(), {LOG: b"one\n"}, told=9) == f"<{LOG}>one\n"


@pytest.mark.parametrize("broken", [1, TRIES - 1, TRIES])
def test_a_broken_answer_is_asked_for_again_from_where_it_broke(looks: Looks, broken: int) -> None:
    runs, left = looks.held.client.runs, [broken]

    class Breaking:
        """The server's answers, of which the first ones break after three bytes."""

        def file(self, workspace: str, run_id: str, query: Any) -> Any:
            body = runs.file(workspace, run_id, query)
            if left[0]:
                left[0] -= 1
                body.chunks = lambda: self._broken(body.data)
            return body

        def _broken(self, data: bytes) -> Any:
            yield data[:3]
            raise Unavailable("The answer broke.")

    runs.story = [(looks.run, {LOG: b"one, two, three, four\n"})]
    looks.held.client.runs = Breaking()
    logs = looks.logs()
    listed = [RunFile(LOG, 22, True)]
    if broken < TRIES:
        assert "".join(piece.text for piece in logs.news(listed)) == "one, two, three, four\n"
    else:
        with pytest.raises(Unavailable):
            list(logs.news(listed))
