"""Hands batches of tasks to the script's own processes and to the workers of the run's other nodes.

Batches wait in one queue; each place - this node, and every worker that is connected - is given as many as it has
processes, and a few more while batches are short, so that it need not wait for the next. So places of different speed
end together. What a place had in hand when it was lost goes back to the head of the queue.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import sys
import threading
import time
from collections import OrderedDict, deque
from concurrent.futures import Future
from typing import Any, Callable, Deque, Dict, List, Optional

from amlet.runtime.joblib_nodes import arrays, channel
from amlet.runtime.joblib_nodes.channel import Channel, Closed

SHORT_S = 0.5
"""Of batches that are shorter, a place gets some ahead."""

KEPT_BYTES = 2 << 30
"""How many bytes of arrays a worker keeps; more when one call needs more at once."""

TRIES = 2
"""How often a batch is given to workers; one that is lost more often runs on the script's own node."""

Local = Callable[[Any], Any]
"""Starts a batch in a process of this node; its future."""


class Call:
    """One call of Parallel."""

    def __init__(self, local: Local, processes: int, limit: int) -> None:
        """`processes` on each node, and at most `limit` batches at once."""
        self.local = local
        self.processes = processes
        self.limit = limit
        self.arrays = arrays.Arrays()
        self.given = 0
        self.is_over = False


class Batch:
    """Some tasks that go together, and the future of their results."""

    def __init__(self, call: Call, task: Any) -> None:
        self.call = call
        self.task = task
        self.future: Future[Any] = Future()
        self.number = 0
        self.tries = 0
        self.given_at = 0.0
        self.digests: List[str] = []


class Place:
    """Where batches run. Its fields are guarded by the hub's lock."""

    def __init__(self, name: str, cores: int) -> None:
        self.name = name
        self.cores = cores
        self.given: Dict[int, Batch] = {}

    def room(self, call: Call, ahead: bool) -> float:
        """How much of it is free for a call, 0 for nothing: the largest has it."""
        processes = max(self.cores, call.processes)
        most = processes + (1 + processes // 4 if ahead else 0)
        return max(0.0, (most - len(self.given)) / processes)


class Node(Place):
    """A worker that is connected."""

    def __init__(self, name: str, cores: int, connected: Channel) -> None:
        super().__init__(name, cores)
        self.channel = connected
        self.outbox: queue.SimpleQueue[Optional[Batch]] = queue.SimpleQueue()
        self.processes = 0
        self.path: List[str] = []
        self.kept: OrderedDict[str, int] = OrderedDict()


class Hub:
    """The script's side. Any thread may call it."""

    def __init__(self, listening: socket.socket, key: bytes, cores: int, node_count: int) -> None:
        self._listening = listening
        self._key = key
        self._lock = threading.Lock()
        self._waiting: Deque[Batch] = deque()
        self._here = Place("this node", cores)
        self._nodes: List[Node] = []
        self._numbers = 0
        self._mean_s = 0.0
        self._node_count = node_count
        self._folder = os.getcwd()  # noqa: PTH109 - the script may leave it later
        threading.Thread(target=self._accept, name="amlet-joblib", daemon=True).start()

    @property
    def cores(self) -> int:
        """Of all nodes of the run; those that are not connected yet are as this one."""
        with self._lock:
            known = [self._here.cores, *(node.cores for node in self._nodes)]
        return sum(known) + self._here.cores * max(0, self._node_count - len(known))

    @property
    def connected(self) -> int:
        """How many workers there are now."""
        with self._lock:
            return len(self._nodes)

    def begin(self, local: Local, n_jobs: int) -> Call:
        """A call of Parallel with so many jobs begins."""
        all_cores = self.cores
        stretch = -(-n_jobs // all_cores)
        limit = n_jobs if n_jobs < all_cores else sys.maxsize  # what goes ahead would run at once
        with self._lock:
            self._mean_s = 0.0  # its tasks may be longer: what waits ahead at one place then is missing at another
        return Call(local, self._here.cores * stretch if stretch > 1 else 0, limit)

    def submit(self, call: Call, task: Any) -> Future[Any]:
        """Let a batch run as soon as there is room."""
        batch = Batch(call, task)
        with self._lock:
            self._waiting.append(batch)
        self._assign()
        return batch.future

    def end(self, call: Call, *, abort: bool) -> None:
        """A call is over; with `abort` what still runs of it is ended."""
        with self._lock:
            call.is_over = True
            self._waiting = deque(batch for batch in self._waiting if batch.call is not call)
            nodes = [node for node in self._nodes if any(batch.call is call for batch in node.given.values())]
            for place in (self._here, *self._nodes):
                place.given = {number: batch for number, batch in place.given.items() if batch.call is not call}
        for node in nodes if abort else []:
            _try(node.channel.send, channel.ABORT)
        self._assign()

    def close(self) -> None:
        """The script has ended."""
        self._listening.close()
        with self._lock:
            nodes, self._nodes = self._nodes, []
        for node in nodes:
            _try(node.channel.send, channel.BYE)

    def _assign(self) -> None:
        while True:
            with self._lock:
                found = self._next()
                if found is None:
                    return
                batch, place = found
                self._numbers += 1
                batch.number, batch.given_at = self._numbers, time.monotonic()
                batch.call.given += 1
                place.given[batch.number] = batch
            if isinstance(place, Node):
                batch.tries += 1
                place.outbox.put(batch)
            else:
                self._run_here(batch)

    def _next(self) -> Any:
        """The next batch and its place; None when nothing can be given now."""
        ahead = 0 < self._mean_s < SHORT_S
        for batch in self._waiting:
            call = batch.call
            if call.given >= call.limit:
                continue
            places: List[Place] = [self._here, *(self._nodes if batch.tries < TRIES else [])]
            room, place = max(((each.room(call, ahead), each) for each in places), key=lambda found: found[0])
            if room > 0:
                self._waiting.remove(batch)
                return batch, place
            if batch.tries < TRIES:
                return None
        return None

    def _run_here(self, batch: Batch) -> None:
        try:
            started = batch.call.local(batch.task)
        except BaseException as error:  # noqa: BLE001 - as if the batch had failed
            self._finish(self._here, batch, error=error)
            return

        def ended(future: Any) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is not None:
                self._finish(self._here, batch, error=error)
            else:
                self._finish(self._here, batch, value=future.result())

        started.add_done_callback(ended)

    def _finish(self, place: Place, batch: Batch, *, value: Any = None, error: Optional[BaseException] = None) -> None:
        with self._lock:
            if place.given.pop(batch.number, None) is None:
                return  # its call was aborted, or it runs elsewhere by now
            batch.call.given -= 1
            took_s = (time.monotonic() - batch.given_at) / max(1.0, (len(place.given) + 1) / place.cores)
            self._mean_s = took_s if not self._mean_s else 0.7 * self._mean_s + 0.3 * took_s
        self._assign()
        if batch.call.is_over:
            return
        if error is not None:
            batch.future.set_exception(error)
        else:
            batch.future.set_result(value)

    def _accept(self) -> None:
        while True:
            try:
                connected, place = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(connected, str(place[0])), daemon=True).start()

    def _greet(self, connected: socket.socket, name: str) -> None:
        made = Channel(connected)
        if not made.prove(self._key, is_script=True):
            made.close()
            return
        try:
            kind, cores, _ = made.receive()
        except Closed:
            made.close()
            return
        if kind != channel.HELLO:
            made.close()
            return
        node = Node(name, max(1, cores), made)
        with self._lock:
            self._nodes.append(node)
        threading.Thread(target=self._send, args=(node,), name="amlet-joblib-send", daemon=True).start()
        self._assign()
        self._receive(node)

    def _receive(self, node: Node) -> None:
        try:
            while True:
                kind, number, body = node.channel.receive()
                with self._lock:
                    batch = node.given.get(number)
                if batch is None:
                    continue
                if kind == channel.LOST:
                    self._lose(node, [batch])
                elif kind == channel.DONE:
                    self._done(node, batch, body)
        except Closed:
            self._part(node)

    def _done(self, node: Node, batch: Batch, body: bytearray) -> None:
        import pickle

        try:
            found = pickle.loads(memoryview(body)[1:])  # noqa: S301 - from who knows the run's token
        except Exception as error:  # noqa: BLE001 - a result of the user's that cannot be read
            self._finish(node, batch, error=error)
            return
        if body[0]:
            self._finish(node, batch, value=found)
        else:
            self._finish(node, batch, error=found)

    def _part(self, node: Node) -> None:
        node.channel.close()
        with self._lock:
            if node not in self._nodes:
                return
            self._nodes.remove(node)
        node.outbox.put(None)
        self._lose(node, list(node.given.values()))
        sys.stderr.write(
            f"amlet: the connection to a node that helped ({node.name}) is lost; its tasks run elsewhere.\n"
        )

    def _lose(self, node: Node, batches: List[Batch]) -> None:
        with self._lock:
            for batch in reversed(batches):
                if node.given.pop(batch.number, None) is not None:
                    batch.call.given -= 1
                    self._waiting.appendleft(batch)
        self._assign()

    def _send(self, node: Node) -> None:
        while True:
            batch = node.outbox.get()
            if batch is None:
                return
            if batch.call.is_over:
                continue
            try:
                task, found = batch.call.arrays.dumps(batch.task)
            except BaseException as error:  # noqa: BLE001 - the task cannot be pickled: said as loky says it
                self._finish(node, batch, error=_unpicklable(error))
                continue
            try:
                self._send_batch(node, batch, task, found)
            except Exception:  # noqa: BLE001 - half a frame may be sent: the node cannot be talked to any more
                self._part(node)
                return

    def _send_batch(self, node: Node, batch: Batch, task: bytes, found: Dict[str, Any]) -> None:
        import json

        processes = max(node.cores, batch.call.processes)
        path = self._own_path()
        if node.processes != processes or path != node.path:
            node.processes, node.path = processes, path
            node.channel.send(channel.CALL, processes, json.dumps(path).encode())
        batch.digests = list(found)
        for digest, array in found.items():
            if digest not in node.kept:
                node.channel.send(channel.ARRAY, 0, digest.encode(), *arrays.parts_of(array))
            node.kept[digest] = array.nbytes
            node.kept.move_to_end(digest)
        self._forget(node)
        node.channel.send(channel.TASK, batch.number, task)

    def _own_path(self) -> List[str]:
        """Where the script has its own modules, within the source folder, which every node has a copy of."""
        places = [os.path.relpath(place, self._folder) for place in sys.path if place]
        return [place for place in places if not place.startswith("..")]

    def _forget(self, node: Node) -> None:
        total = sum(node.kept.values())
        if total <= KEPT_BYTES:
            return
        with self._lock:
            needed = {digest for batch in node.given.values() for digest in batch.digests}
        for digest in [digest for digest in node.kept if digest not in needed]:
            if total <= KEPT_BYTES:
                return
            total -= node.kept.pop(digest)
            node.channel.send(channel.FORGET, 0, digest.encode())


def _unpicklable(error: BaseException) -> BaseException:
    import pickle

    told = pickle.PicklingError("Could not pickle the task to send it to the workers.")
    told.__cause__ = error
    return told


def _try(send: Callable[..., None], *arguments: Any) -> None:
    with contextlib.suppress(Closed):
        send(*arguments)
