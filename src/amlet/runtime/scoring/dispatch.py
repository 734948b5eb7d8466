"""Where and when a request is answered: together with those that arrived with it, in its turn, within its time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Deque, Hashable, List, NamedTuple, Optional

from amlet.runtime.scoring.app import App
from amlet.runtime.scoring.exchange import Refused, Request, Response, message
from amlet.runtime.scoring.scorer import refused

INLINE_BYTES = 256 << 10
"""A body up to this is read on the event loop: handing it to a thread costs more than reading it."""
BATCH_ROWS = 1024
"""A batch takes no further request once it has so many rows."""
QUICK_S = 0.02
"""A call longer than this sends those after it to a thread, so that the loop goes on meanwhile."""
QUICK_CALLS = 3
"""So many quick calls in a row bring calls back to the loop."""

Reply = Callable[[Response], None]


class _Asked(NamedTuple):
    request: Request
    reply: Reply
    began_s: float
    item: Any
    """What the scorer read; None: the body is large, and is read on the thread."""
    kind: Hashable
    size: int


class Dispatcher:
    """Hands requests to the app's scorer. Used on the loop's thread.

    Requests that the loop read in one turn, or that came in while a call went on, share a call where their scorer
    allows it. None waits for others to come.
    """

    def __init__(
        self,
        app: App,
        loop: asyncio.AbstractEventLoop,
        *,
        timeout_ms: int = 60_000,
        max_wait_ms: Optional[int] = None,
        batching: bool = True,
        quick_s: float = QUICK_S,
    ) -> None:
        self._app = app
        self._scorer = app.scorer
        self._loop = loop
        self._timeout_ms = timeout_ms
        self._max_wait_s = None if max_wait_ms is None else max_wait_ms / 1000
        self._batching = batching
        self._quick_s = quick_s
        self._threads = ThreadPoolExecutor(self._scorer.max_calls, thread_name_prefix="scoring")
        self._waiting: Deque[_Asked] = deque()
        self._calls = 0
        self._overdue = 0
        """Calls that have gone on past their timeout."""
        self._is_due = False
        self._expiry: Optional[asyncio.TimerHandle] = None
        self._quick_calls = 0

    def submit(self, request: Request, reply: Reply) -> None:
        """Answer a request. `reply` is called once, on the loop's thread: maybe before this returns, maybe later."""
        began_s = time.perf_counter()
        response = self._app.begin(request)
        if response is not None:
            reply(self._app.finish(request, response))
            return
        if len(request.body) <= INLINE_BYTES:
            try:
                item = self._scorer.read(request)
            except Refused as error:
                self._reply(_Asked(request, reply, began_s, None, None, 1), refused(error))
                return
            asked = _Asked(request, reply, began_s, item, self._scorer.kind(item), self._scorer.size(item))
        else:
            asked = _Asked(request, reply, began_s, None, None, 1)
        self._waiting.append(asked)
        self._app.metrics.waiting += 1
        if not self._is_due:
            self._is_due = True
            # What else the loop has read in this turn is submitted before this runs.
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        self._is_due = False
        while self._waiting and self._calls < self._scorer.max_calls:
            asked = self._take()
            quick = self._quick_calls >= QUICK_CALLS and asked[0].item is not None
            if quick:
                began_s = time.perf_counter()
                responses = self._scorer.answer([one.item for one in asked])
                self._done(asked, responses, time.perf_counter() - began_s)
            else:
                self._on_thread(asked)
        if self._waiting and self._max_wait_s is not None and self._expiry is None:
            left_s = self._waiting[0].began_s + self._max_wait_s - time.perf_counter()
            self._expiry = self._loop.call_later(max(0.0, left_s), self._expire)

    def _take(self) -> List[_Asked]:
        first = self._waiting.popleft()
        asked, rows = [first], first.size
        while self._batching and first.kind is not None and self._waiting:
            following = self._waiting[0]
            if following.kind != first.kind or rows + following.size > BATCH_ROWS:
                break
            asked.append(self._waiting.popleft())
            rows += following.size
        self._app.metrics.waiting -= len(asked)
        return asked

    def _on_thread(self, asked: List[_Asked]) -> None:
        self._calls += 1
        self._app.metrics.working += len(asked)
        began_s = time.perf_counter()
        owed = [True]

        def late() -> None:
            owed[0] = False
            self._count_overdue(1)
            for one in asked:
                self._reply(one, message(504, f"Scoring timeout after {self._timeout_ms} ms"))  # v1-behaviours 15.13

        timer = self._loop.call_later(self._timeout_ms / 1000, late)

        def ended(future: Future[List[Response]]) -> None:
            timer.cancel()
            self._calls -= 1
            self._app.metrics.working -= len(asked)
            if owed[0]:
                self._done(asked, future.result(), time.perf_counter() - began_s)
            else:
                self._count_overdue(-1)
            self._work()

        future = self._threads.submit(self._answer, asked)
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(ended, done))

    def _count_overdue(self, change: int) -> None:
        self._overdue += change
        self._app.metrics.stuck = self._overdue >= self._scorer.max_calls

    def _answer(self, asked: List[_Asked]) -> List[Response]:
        if asked[0].item is not None:
            return self._scorer.answer([one.item for one in asked])
        try:
            item = self._scorer.read(asked[0].request)
        except Refused as error:
            return [refused(error)]
        return self._scorer.answer([item])

    def _done(self, asked: List[_Asked], responses: List[Response], elapsed_s: float) -> None:
        self._app.metrics.called(sum(one.size for one in asked), elapsed_s)
        is_quick = self._scorer.may_be_quick and elapsed_s < self._quick_s
        self._quick_calls = self._quick_calls + 1 if is_quick else 0
        for one, response in zip(asked, responses):
            self._reply(one, response)

    def _reply(self, asked: _Asked, response: Response) -> None:
        self._app.metrics.answered(response.status, time.perf_counter() - asked.began_s)
        finished = self._app.finish(asked.request, response)
        asked.reply(finished)
        if self._app.capture is not None:
            self._app.capture.note(asked.request, finished)

    def _expire(self) -> None:
        self._expiry = None
        assert self._max_wait_s is not None
        now_s = time.perf_counter()
        while self._waiting and self._waiting[0].began_s + self._max_wait_s <= now_s:
            asked = self._waiting.popleft()
            self._app.metrics.waiting -= 1
            text = f"The service is busy: the request waited longer than {self._max_wait_s * 1000:.0f} ms for its turn."
            self._reply(asked, message(503, text, (b"retry-after", b"1")))  # v1-behaviours 15.16
        self._work()
