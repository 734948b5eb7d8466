"""The port of what answers `/score`: a model without code, an entry script."""

from __future__ import annotations

from typing import Any, Dict, Hashable, List, Tuple

from amlet.runtime.scoring.exchange import JSON, Refused, Request, Response, json_bytes

GENERIC = "An unexpected error occurred in scoring script. Check the logs for more info."
"""v1-behaviours 15.13."""


class Scorer:
    """Answers requests for predictions. One call at a time, unless it says `max_calls`; on whichever thread."""

    verbs: Tuple[str, ...] = ("POST",)
    """What `/score` answers to, beside OPTIONS."""
    answers_options = False
    """Whether OPTIONS is the scorer's own."""
    max_calls = 1
    """How many calls may go on at a time."""
    may_be_quick = True
    """Whether calls that have been quick may go on on the loop itself; what may hang never is."""

    def read(self, request: Request) -> Any:
        """Check a request.

        Raises:
            Refused: with its status and what was expected.
        """
        raise NotImplementedError

    def kind(self, item: Any) -> Hashable:  # noqa: ARG002
        """Items of one kind may be answered by one call; None: this one is answered alone."""
        return None

    def size(self, item: Any) -> int:  # noqa: ARG002
        """How many rows it brings to a call."""
        return 1

    def answer(self, items: List[Any]) -> List[Response]:
        """The answers of items of one kind, in their order. Blocks; raises only what ends the process."""
        raise NotImplementedError

    def swagger(self, version: int) -> Dict[str, Any]:
        """The service's description, in version 2 or 3."""
        raise NotImplementedError

    def facts(self) -> Dict[str, Any]:
        """What the service tells of itself when it is healthy; JSON. `shown` is a line for its log."""
        raise NotImplementedError


def scored(body: bytes, elapsed_ms: float) -> Response:
    """The answer of a call that went well (v1-behaviours 15.14)."""
    return Response(200, body, JSON, told(False, elapsed_ms))


def failed(elapsed_ms: float) -> Response:
    """The answer of a call that raised; why is in the log alone (v1-behaviours 15.13)."""
    return Response(500, json_bytes({"message": GENERIC}), JSON, told(True, elapsed_ms))


def refused(error: Refused) -> Response:
    """The answer of a request that was not accepted."""
    return Response(error.status, json_bytes({"message": error.message}), JSON, error.headers)


def told(has_failed: bool, elapsed_ms: float) -> Tuple[Tuple[bytes, bytes], ...]:
    """The headers of an answer that tell of the call (v1-behaviours 15.14)."""
    return (
        (b"x-ms-run-function-failed", b"True" if has_failed else b"False"),
        (b"x-ms-run-fn-exec-ms", b"%.3f" % elapsed_ms),
    )
