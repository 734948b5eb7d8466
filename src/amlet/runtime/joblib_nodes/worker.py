"""What a node does that helps another one: it runs batches of joblib's tasks for the script of node 0.

The bootstrap runs it in place of the script, with the script's path as its argument. It is told to end by SIGTERM
when the script's node has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List

LOOK_S = 0.1
"""Between two tries to reach the script, which listens once it has imported joblib."""


class Worker:
    """Takes batches from one connection, and runs them in processes of its own."""

    def __init__(self, channel: Any, folder: str, cores: int) -> None:
        self._channel = channel
        self._folder = folder
        self._cores = cores
        self._processes = cores
        self._path: List[str] = []
        self._lock = threading.Lock()
        self._futures: Dict[int, Any] = {}
        self._executor: Any = None

    def serve(self) -> bool:
        """Work until the connection ends; whether the script said that it has ended."""
        from amlet.runtime.joblib_nodes import channel as frames

        self._channel.send(frames.HELLO, self._cores)
        self._warm_up()
        while True:
            try:
                kind, number, body = self._channel.receive()
            except frames.Closed:
                return False
            if kind == frames.TASK:
                self._start(number, bytes(body))
            elif kind == frames.ARRAY:
                self._keep(bytes(body[:32]).decode("ascii"), memoryview(body)[32:])
            elif kind == frames.FORGET:
                self._forget(bytes(body).decode("ascii"))
            elif kind == frames.CALL:
                self._processes = number
                self._path = [os.path.abspath(place) for place in json.loads(bytes(body))]  # noqa: PTH100
            elif kind == frames.ABORT:
                for number in self.stop():  # also of a call that goes on: it has them run again
                    self._answer(frames.LOST, number)
            elif kind == frames.BYE:
                return True

    def stop(self) -> List[int]:
        """End what runs; the numbers of those batches."""
        with self._lock:
            numbers = list(self._futures)
            self._futures.clear()
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True, kill_workers=True)
        return numbers

    def _pool(self) -> Any:
        from joblib import _parallel_backends as backends
        from joblib.externals.loky import get_reusable_executor

        from amlet.runtime.joblib_nodes.backend import thread_variables

        variables = backends.LokyBackend()._prepare_worker_env(n_jobs=self._processes)
        self._executor = get_reusable_executor(
            max_workers=self._processes, timeout=3600, env=thread_variables(variables, self._processes)
        )
        return self._executor

    def _warm_up(self) -> None:
        """Start the processes before the first batch comes."""
        from amlet.runtime.joblib_nodes import task

        pool = self._pool()
        for _ in range(self._processes):
            pool.submit(task.nothing, 0.05)

    def _start(self, number: int, data: bytes) -> None:
        from amlet.runtime.joblib_nodes import channel as frames
        from amlet.runtime.joblib_nodes import task

        try:
            future = self._pool().submit(task.run, data, self._folder, self._path)
        except Exception as error:  # noqa: BLE001 - a pool that is broken: the script has it run elsewhere
            print(f"A batch could not be started: {error}", flush=True)
            self._answer(frames.LOST, number)
            return
        with self._lock:
            self._futures[number] = future
        future.add_done_callback(lambda ended: self._ended(number, ended))

    def _ended(self, number: int, future: Any) -> None:
        from amlet.runtime.joblib_nodes import channel as frames

        with self._lock:
            if number not in self._futures or self._futures[number] is not future:
                return
            del self._futures[number]
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or error is not None:
            print(f"A batch was lost: {type(error).__name__}: {error}", flush=True)
            self._answer(frames.LOST, number)
        else:
            good, data = future.result()
            self._answer(frames.DONE, number, bytes([good]), data)

    def _answer(self, kind: int, number: int, *parts: Any) -> None:
        from amlet.runtime.joblib_nodes.channel import Closed

        with contextlib.suppress(Closed):  # `serve` sees it
            self._channel.send(kind, number, *parts)

    def _keep(self, digest: str, body: memoryview) -> None:
        path = os.path.join(self._folder, digest)  # noqa: PTH118
        if set(digest) - set("0123456789abcdef"):
            return
        try:
            with open(path + ".part", "wb") as file:  # noqa: PTH123
                file.write(body)
            os.replace(path + ".part", path)  # noqa: PTH105
        except OSError as error:  # a task that names it is run elsewhere
            print(f"An array of {len(body)} bytes could not be kept: {error}", flush=True)

    def _forget(self, digest: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._folder, digest))  # noqa: PTH108, PTH118


def main(script: str) -> None:
    """Serve the script of node 0 until it ends."""
    place = os.environ["AMLET_JOBLIB_ADDRESS"]
    sys.path[0] = os.path.dirname(os.path.abspath(script))  # noqa: PTH100, PTH120 - as the script has it
    try:
        import joblib
    except ImportError:
        print("joblib is not in the environment: this node has nothing to help with.", flush=True)
        return
    from amlet.runtime.joblib_nodes.channel import Channel, key_of

    key = key_of(os.environ.get("AZUREML_RUN_TOKEN", ""), place)
    host, _, port = place.rpartition(":")
    folder = _array_folder()
    try:
        while True:
            try:
                connected = socket.create_connection((host, int(port)), timeout=10.0)
            except OSError:
                time.sleep(LOOK_S)
                continue
            channel = Channel(connected)
            if not channel.prove(key, is_script=False):
                channel.close()
                time.sleep(1.0)
                continue
            cores = int(joblib.cpu_count())
            print(f"Helping {place} with {cores} {'core' if cores == 1 else 'cores'}.", flush=True)
            worker = Worker(channel, folder, cores)
            has_ended = worker.serve()
            worker.stop()
            channel.close()
            if has_ended:
                return
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _array_folder() -> str:
    """Where arrays are kept: below the attempt's folder, which goes with the attempt, however that ends."""
    journals = os.environ.get("AMLET_JOURNAL_DIR")
    return tempfile.mkdtemp(prefix="arrays-", dir=os.path.dirname(journals) if journals else None)  # noqa: PTH120


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(sys.argv[1])
