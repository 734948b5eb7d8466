"""Topics: who waits is woken by what touches them, and by nothing else; no wait is without an end."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable

import pytest

from amlet.server.topics import Topics


def seen(*answers: object) -> tuple[Callable[[], Awaitable[object]], list[int]]:
    """A look that finds these answers one after the other, and counts."""
    looks: list[int] = []

    async def look() -> object:
        looks.append(1)
        return answers[min(len(looks), len(answers)) - 1]

    return look, looks


def bound(topics: Topics) -> Topics:
    topics.bind(asyncio.get_running_loop())
    return topics


@pytest.mark.parametrize("wait_s", [0.0, -1.0, math.nan, -math.inf])
def test_without_time_to_wait_it_looks_once(wait_s: float) -> None:
    look, looks = seen(None)
    assert asyncio.run(Topics().until("a", look, wait_s)) is None
    assert len(looks) == 1


def test_what_is_there_already_is_found_at_once() -> None:
    look, looks = seen("found")
    assert asyncio.run(Topics().until("a", look, 60)) == "found"
    assert len(looks) == 1


def test_a_touch_wakes_those_who_wait_for_that_topic_alone() -> None:
    async def scene() -> None:
        topics = bound(Topics())
        (look, looks), (other, others) = seen(None, "found"), seen(None)
        waiting = asyncio.ensure_future(topics.until("a", look, 60))
        elsewhere = asyncio.ensure_future(topics.until("b", other, 60))
        await asyncio.sleep(0)
        topics.publish(["a", "nobody waits for this"])
        assert await waiting == "found"
        assert (len(looks), len(others)) == (2, 1)
        topics.close()
        assert await elsewhere is None

    asyncio.run(scene())


def test_a_touch_between_the_look_and_the_wait_is_not_missed() -> None:
    async def scene() -> None:
        topics = bound(Topics())
        found: list[str] = []

        async def look() -> str | None:
            if found:
                return found[0]
            found.append("came while it looked")
            topics.publish(["a"])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return None

        assert await asyncio.wait_for(topics.until("a", look, 60), 5) == "came while it looked"

    asyncio.run(scene())


def test_many_wait_on_one_topic_and_none_stays_behind() -> None:
    async def scene() -> None:
        topics = bound(Topics())
        waiting = [asyncio.ensure_future(topics.until("a", seen(None, number + 1)[0], 60)) for number in range(200)]
        await asyncio.sleep(0)
        waiting[7].cancel()
        topics.publish(["a"])
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [item for item in found if isinstance(item, int)] == [n + 1 for n in range(200) if n != 7]
        assert topics._waiting == {}

    asyncio.run(scene())


def test_closing_lets_every_waiting_call_answer_with_what_it_has() -> None:
    async def scene() -> None:
        topics = bound(Topics())
        waiting = asyncio.ensure_future(topics.until("a", seen(None, "late")[0], 60))
        await asyncio.sleep(0)
        topics.close()
        assert await waiting == "late"
        look, looks = seen(None)
        assert await topics.until("a", look, 60) is None
        assert len(looks) == 1

    asyncio.run(scene())


def test_another_thread_may_publish_and_a_thread_may_listen() -> None:
    async def scene() -> None:
        topics = bound(Topics())
        heard = topics.listen("a")
        waiting = asyncio.ensure_future(topics.until("a", seen(None, "found")[0], 60))
        await asyncio.sleep(0)
        thread = threading.Thread(target=topics.publish, args=(["a"],))
        thread.start()
        assert await asyncio.wait_for(waiting, 5) == "found"
        thread.join(5)
        assert heard.is_set()
        assert not topics.listen("b").is_set()

    asyncio.run(scene())


def test_publishing_before_there_is_a_loop_or_after_its_end_is_no_error() -> None:
    topics = Topics()
    heard = topics.listen("a")
    topics.publish(["a"])
    assert heard.is_set()

    async def bind() -> None:
        bound(topics)

    asyncio.run(bind())
    topics.publish(["a"])
