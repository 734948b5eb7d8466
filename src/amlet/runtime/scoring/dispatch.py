"""Where a request is answered: small ones at once, large ones on a thread, so that the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable

from amlet.runtime.scoring.app import App, Request, Response

INLINE_BYTES = 256 << 10
"""A body up to this is answered on the event loop: handing it to a thread costs more than most predictions."""

Reply = Callable[[Response], None]


class Dispatcher:
    """Hands requests to the app. One thread, so that large bodies are worked on one at a time, in bounded memory."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring")

    def submit(self, request: Request, reply: Reply) -> None:
        """Answer a request. `reply` is called once, on the loop's thread: maybe before this returns, maybe later."""
        if len(request.body) <= INLINE_BYTES:
            reply(self._app.answer(request))
            return

        def done(answered: Future[Response]) -> None:
            self._loop.call_soon_threadsafe(reply, answered.result())

        self._thread.submit(self._app.answer, request).add_done_callback(done)
