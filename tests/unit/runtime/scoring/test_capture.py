"""What is kept of requests, without a disk."""

from __future__ import annotations

import threading

import pytest

from amlet.runtime.scoring.capture import QUEUE_BYTES, Capture, Captured
from amlet.runtime.scoring.exchange import Request, Response

ANSWER = Response(200, b"answer", headers=((b"x-request-id", b"one"),))


def _request(body: bytes) -> Request:
    return Request("POST", "/score", "", {}, body)


@pytest.mark.parametrize(
    ("inputs", "predictions", "kept"),
    [(True, True, (b"asked", b"answer")), (True, False, (b"asked", None)), (False, True, (None, b"answer"))],
)
def test_what_was_asked_for_is_kept_of_what_went_well(
    inputs: bool, predictions: bool, kept: tuple[bytes | None, bytes | None]
) -> None:
    written: list[Captured] = []
    capture = Capture(written.extend, inputs=inputs, predictions=predictions, share=1.0, log=pytest.fail)
    capture.note(_request(b"asked"), ANSWER)
    capture.note(_request(b"bad"), ANSWER._replace(status=400))
    capture.close()
    assert [(one.request_id, one.inputs, one.predictions) for one in written] == [(b"one", *kept)]


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.25, 800, 1200), (1.0, 4000, 4000)])
def test_a_share_of_the_requests_is_kept(share: float, least: int, most: int) -> None:
    written: list[Captured] = []
    capture = Capture(written.extend, inputs=True, predictions=True, share=share, log=pytest.fail)
    for _ in range(4000):
        capture.note(_request(b"asked"), ANSWER)
    capture.close()
    assert least <= len(written) <= most


def test_what_has_no_room_is_answered_all_the_same_and_counted() -> None:
    free, written, told = threading.Event(), [], list[str]()

    def slow(captured: list[Captured]) -> None:
        free.wait(20)
        written.extend(captured)

    capture = Capture(slow, inputs=True, predictions=False, share=1.0, log=told.append)
    body = b"x" * (QUEUE_BYTES // 8)
    for _ in range(20):
        capture.note(_request(body), ANSWER)
    free.set()
    capture.close()
    assert len(written) == 8
    assert told == ["12 requests were answered without being captured."]


def test_a_disk_that_is_full_is_told_and_harms_no_answer() -> None:
    def full(captured: list[Captured]) -> None:
        raise OSError(28, "No space left on device")

    told: list[str] = []
    capture = Capture(full, inputs=True, predictions=True, share=1.0, log=told.append)
    capture.note(_request(b"asked"), ANSWER)
    capture.close()
    assert [line.split(":")[0] for line in told] == [
        "What was captured could not be written",
        "1 requests were answered without being captured.",
    ]
