"""joblib's backend of a script whose run has several nodes: loky's, with the other nodes beside it."""

from __future__ import annotations

import atexit
import functools
import os
import socket
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Callable, Dict, Optional

import joblib
from joblib import _parallel_backends as backends
from joblib.executor import get_memmapping_executor

from amlet.runtime.joblib_nodes.channel import key_of
from amlet.runtime.joblib_nodes.hub import Call, Hub

NAME = "amlet"
_hub: Optional[Hub] = None


def register(place: str) -> None:
    """Make the backend joblib's default, and wait for the workers at `host:port`.

    `Parallel` with a backend of its own choice, and one that prefers threads, is left alone.
    """
    global _hub  # one a process, as joblib's default is
    host, _, port = place.rpartition(":")
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, int(port)))
    except OSError:  # an address that others have for this machine, and it has not itself
        listening.bind(("", int(port)))
    listening.listen(128)
    key = key_of(os.environ.get("AZUREML_RUN_TOKEN", ""), place)
    _hub = Hub(listening, key, int(joblib.cpu_count()), int(os.environ.get("AMLET_JOBLIB_NODES", "1")))
    atexit.register(_hub.close)
    joblib.register_parallel_backend(NAME, NodesBackend, make_default=True)


class NodesBackend(backends.LokyBackend):  # type: ignore[misc, unused-ignore]
    """loky's processes on this node, and those of the other nodes. Batches are sized by loky's own measure of time."""

    _call: Optional[Call] = None
    parallel: Any

    def effective_n_jobs(self, n_jobs: Any) -> int:
        """How many tasks run at once, over all nodes."""
        here = int(super().effective_n_jobs(n_jobs))
        if here == 1 and n_jobs != 1 and self._is_alone():
            return 1
        if n_jobs is not None and n_jobs < 0:
            return max(1, _of(_hub).cores + 1 + int(n_jobs))
        return here

    def configure(
        self,
        n_jobs: int = 1,
        parallel: Any = None,
        prefer: Any = None,
        require: Any = None,
        idle_worker_timeout: Any = None,
        **kwargs: Any,
    ) -> int:
        """Begin a call of Parallel. `prefer` and `require` were heeded when this backend was chosen."""
        del prefer, require
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise backends.FallbackToBackend(backends.SequentialBackend(nesting_level=self.nesting_level))
        hub = _of(_hub)
        given: Dict[str, Any] = {**getattr(self, "backend_kwargs", {}), **kwargs}
        given.pop("idle_worker_timeout", None)
        call = hub.begin(self._local, n_jobs)
        processes = min(n_jobs, max(int(joblib.cpu_count()), call.processes))
        self._workers = get_memmapping_executor(
            processes,
            timeout=idle_worker_timeout or 300,
            env=self._thread_variables(processes),
            context_id=parallel._id,
            **given,
        )
        self._call, self.parallel = call, parallel
        return n_jobs

    def submit(self, func: Any, callback: Optional[Callable[[Any], None]] = None) -> Any:
        """Let a batch run, here or on another node."""
        call = self._call
        assert call is not None
        future = _of(_hub).submit(call, func)
        future.get = functools.partial(_result, future)  # type: ignore[attr-defined]
        if callback is not None:
            future.add_done_callback(callback)
        return future

    apply_async = submit

    def terminate(self) -> None:
        """End a call of Parallel."""
        self._end(abort=False)
        super().terminate()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """End what runs, on every node."""
        self._end(abort=True)
        super().abort_everything(ensure_ready=ensure_ready)

    def get_nested_backend(self) -> Any:
        """What a task has when it uses joblib itself: every core has a task already."""
        return backends.SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), 1

    def _local(self, task: Any) -> Any:
        safe = getattr(backends, "SafeFunction", None)
        return self._workers.submit(safe(task) if safe is not None else task)

    def _end(self, *, abort: bool) -> None:
        call, self._call = self._call, None
        if call is not None:
            _of(_hub).end(call, abort=abort)

    def _is_alone(self) -> bool:
        """Whether this process or thread can have no workers: then it has no other nodes either."""
        return int(super().effective_n_jobs(2)) == 1

    def _thread_variables(self, processes: int) -> Dict[str, str]:
        return thread_variables(dict(self._prepare_worker_env(n_jobs=processes)), processes)


def thread_variables(variables: Dict[str, str], processes: int) -> Dict[str, str]:
    """Thread counts for each of so many processes; those that the user has set stay."""
    cores = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    if not cores.isdecimal():
        return variables
    each = str(max(1, int(cores) // processes))
    # What equals the node's share is the node's word for one process that has it all.
    return {
        name: each if name.endswith("_THREADS") and value == cores == os.environ.get(name) else value
        for name, value in variables.items()
    }


def _result(future: Any, timeout: Optional[float] = None) -> Any:
    try:
        return future.result(timeout=timeout)
    except FutureTimeout as error:
        raise TimeoutError from error


def _of(hub: Optional[Hub]) -> Hub:
    assert hub is not None
    return hub
