"""A listening socket that a replica hands over; what is none is not taken."""

from __future__ import annotations

import array
import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amlet.runtime.scoring.hand_over import NAME, offer, take


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deep = tmp_path / ("a folder whose name is longer than the path of a socket may be " * 3)
    deep.mkdir()
    return deep


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def on(loop: asyncio.AbstractEventLoop, work: Callable[[], object]) -> object:
    """Do something on the loop's thread."""

    async def done() -> object:
        return work()

    return asyncio.run_coroutine_threadsafe(done(), loop).result(10)


def test_the_socket_that_is_handed_over_outlives_its_owner(folder: Path, loop: asyncio.AbstractEventLoop) -> None:
    assert take(folder) is None
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    stop = on(loop, lambda: offer(loop, folder, listening))
    taken, again = take(folder), take(folder)
    assert taken is not None and again is not None and callable(stop)
    on(loop, stop)
    listening.close()
    again.close()
    assert taken.getsockname() == address
    taken.setblocking(True)
    with socket.create_connection(address, timeout=5) as asking, taken.accept()[0] as answering:
        answering.sendall(b"hello")
        assert asking.recv(5) == b"hello"
    assert take(folder) is None  # it offers it no more
    taken.close()


@pytest.mark.parametrize("given", ["a pipe", "a socket that does not listen", "nothing", "silence"])
def test_what_is_no_listening_socket_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(folder)
    before = len(os.listdir("/proc/self/fd"))
    with socket.socket(socket.AF_UNIX) as asked, socket.socket() as other:
        asked.bind(NAME)
        asked.listen(1)
        ends = os.pipe()

        def answer() -> None:
            with asked.accept()[0] as connection:
                if given == "silence":
                    connection.recv(1)
                elif given != "nothing":
                    fds = array.array("i", [ends[0] if given == "a pipe" else other.fileno()])
                    connection.sendmsg([b"1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])

        thread = threading.Thread(target=answer)
        thread.start()
        assert take(folder) is None
        thread.join()
        for end in ends:
            os.close(end)
    assert len(os.listdir("/proc/self/fd")) == before
