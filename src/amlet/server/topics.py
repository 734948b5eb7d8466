"""Who waits for what: commits wake the calls that watch a topic."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class Topics:
    """Wakes waiting calls on the event loop, and threads that listen. `publish` is safe from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listeners: dict[str, threading.Event] = {}
        self._closed = False

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell the loop on which calls wait."""
        self._loop = loop

    def listen(self, topic: str) -> threading.Event:
        """An event for a thread, set whenever the topic is touched."""
        return self._listeners.setdefault(topic, threading.Event())

    def publish(self, touched: Iterable[str]) -> None:
        """Wake everyone who waits on these topics."""
        names = list(touched)
        for name in names:
            if name in self._listeners:
                self._listeners[name].set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, names)

    def close(self) -> None:
        """Let every waiting call answer now with what it has."""
        self._closed = True
        self._wake(list(self._waiting))

    async def until(self, topic: str, look: Callable[[], Awaitable[T | None]], wait_s: float) -> T | None:
        """Look, and look again after each touch of the topic, until something is found or the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(max(0.0, wait_s), 60.0)  # in this order NaN waits for nothing
        while True:
            event = asyncio.Event()
            self._waiting.setdefault(topic, set()).add(event)
            try:
                found = await look()
                left = deadline - loop.time()
                if found is not None or left <= 0 or self._closed:
                    return found
                try:
                    await asyncio.wait_for(event.wait(), left)
                except TimeoutError:
                    return await look()
                except asyncio.TimeoutError:  # its own class before Python 3.11
                    return await look()
            finally:
                waiting = self._waiting[topic]
                waiting.discard(event)
                if not waiting:
                    del self._waiting[topic]

    def _wake(self, names: Iterable[str]) -> None:
        for name in names:
            for event in self._waiting.get(name, ()):
                event.set()
