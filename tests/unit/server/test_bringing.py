"""Work that takes longer than who asks for it waits."""

from __future__ import annotations

import asyncio

import pytest

from amlet.base.errors import DatastoreFailed
from amlet.server.bringing import Bringing


def test_work_is_begun_once_and_told_to_all_who_ask() -> None:
    async def all_of_it() -> None:
        bringing: Bringing[str] = Bringing()
        begun: list[int] = []
        may_end = asyncio.Event()

        async def work() -> str:
            begun.append(1)
            await may_end.wait()
            return "done"

        assert await bringing.ask("a", work, wait_s=0) is None
        assert await bringing.ask("a", work, wait_s=0) is None
        may_end.set()
        assert await asyncio.gather(*[bringing.ask("a", work, wait_s=5) for _ in range(3)]) == ["done"] * 3
        assert await bringing.ask("a", work, wait_s=5) == "done"
        assert begun == [1]
        bringing.forget("a")
        assert await bringing.ask("a", work, wait_s=5) == "done"
        assert await bringing.ask("b", work, wait_s=5) == "done"
        assert begun == [1, 1, 1]

    asyncio.run(all_of_it())


def test_work_that_failed_says_so_and_is_begun_anew_by_who_asks_again() -> None:
    async def all_of_it() -> None:
        bringing: Bringing[str] = Bringing()
        left = ["down", "down"]

        async def work() -> str:
            if left:
                raise DatastoreFailed(left.pop())
            return "up"

        for _ in range(2):
            with pytest.raises(DatastoreFailed, match="down"):
                await bringing.ask("a", work, wait_s=5)
        assert await bringing.ask("a", work, wait_s=5) == "up"

    asyncio.run(all_of_it())
