"""Files on their way to datastores: begun once a request, and asked after until they are there.

A store may take longer than a client waits for an answer, and a client whose connection broke asks again: neither is to
have the same file written twice at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

KEPT_S = 600.0
"""How long the end of a piece of work is told to who asks again."""


class Bringing(Generic[T]):
    """Pieces of work by request. For the event loop's thread alone."""

    def __init__(self) -> None:
        self._tasks: dict[object, asyncio.Task[T]] = {}

    async def ask(self, key: object, begin: Callable[[], Coroutine[Any, Any, T]], *, wait_s: float) -> T | None:
        """What a piece of work came to; it is begun if that was not done. None where it goes on after so long.

        Raises:
            AmletError: what the work raised; who asks again begins it anew.
        """
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(begin())
            self._tasks[key] = task
        done, _ = await asyncio.wait({task}, timeout=wait_s)
        if not done:
            return None
        if task.exception() is not None:
            self.forget(key)
        else:
            asyncio.get_running_loop().call_later(KEPT_S, self._tasks.pop, key, None)
        return task.result()

    def forget(self, key: object) -> None:
        """Let the next one who asks begin anew."""
        self._tasks.pop(key, None)
