"""A node's part of a run: all of it, or one of several nodes, each with one or more processes."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from amlet.domain.artifact import Entry
from amlet.domain.gang import RankEnd
from amlet.domain.job import JOBLIB, MPI_COMMUNICATORS, Lease, Share
from amlet.domain.run import RunError
from amlet.node.address import LOOPBACK, address_towards
from amlet.node.parts import Parts
from amlet.runtime.attempt import RESULT_FILE, JobFile
from amlet.wire.nodes import EndRank, JoinGang, LeaseState, RenewLease, SettleAnswer, SettleAttempt

RANKS = "ranks"
"""Below the attempt's folder: a folder for each process of a node that runs several, named by its rank."""

PREPARED = "job_prep.txt"
"""In the attempt's folder: what a node says of the build that it makes; nothing where the build is at hand."""

JOIN_WAIT_S = 5.0


class Start(NamedTuple):
    """What the processes of a node start with."""

    addresses: list[str]
    """Of the run's nodes, by rank."""
    port: int
    """A free one of node 0's."""


class Part:
    """What one node does of its run. The thread that renews the lease tells it the state; another one reads it."""

    def __init__(self, parts: Parts, lease: Lease) -> None:
        self._parts = parts
        self._lease = lease
        self._job = lease.job
        self._state: LeaseState | None = None
        self._changed = threading.Condition()

    @property
    def is_first(self) -> bool:
        """Whether this node settles the run."""
        return not self._lease.node_rank

    @property
    def is_alone(self) -> bool:
        """Whether the run has no other node."""
        return self._lease.node_rank is None

    @property
    def is_stopped(self) -> bool:
        """Whether another node has ended the whole."""
        return self._state is not None and self._state.stop

    @property
    def first_rank(self) -> int:
        """The rank of this node's first process."""
        return (self._lease.node_rank or 0) * self._job.processes_per_node

    @property
    def words(self) -> str:
        """How the run is spread, for its stage; empty for one process."""
        job = self._job
        nodes = f"{job.node_count} nodes" if job.node_count > 1 else ""
        each = f"{job.processes_per_node} processes" if job.processes_per_node > 1 else ""
        return " with ".join(word for word in (nodes, each + (" each" if nodes and each else "")) if word)

    def hear(self, state: LeaseState) -> None:
        """Note what the server says of the whole."""
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def renewal(self, asked: RenewLease) -> RenewLease:
        """The same question, as a node of several asks it: answered as soon as there is something new."""
        return asked if self.is_alone else asked._replace(node_rank=self._lease.node_rank, known=self._state)

    def join(
        self, is_over: Callable[[], bool], insist: Callable[[Callable[[], Start | None]], Start | None]
    ) -> Start | None:
        """Wait until every node of the run is ready to start.

        Returns:
            None when the run is not to start here any more.
        """
        if self._lease.node_rank is None:
            return Start([LOOPBACK], _free_port())
        lease = self._lease
        address = address_towards(self._parts.client.url)
        asked = JoinGang(lease.attempt, self._parts.name, lease.node_rank or 0, address, _free_port(), JOIN_WAIT_S)

        def ask() -> Start | None:
            told = self._parts.client.nodes.join(lease.workspace_id, lease.run_id, asked)
            return Start([], 0) if told.stop else Start(told.addresses, told.port) if told.addresses else None

        while not is_over():
            found = insist(ask)
            if found is not None:
                return found if found.addresses else None
        return None

    def variables(self, start: Start) -> dict[str, str]:
        """What tells the processes of this node who they are; the first one's, where they differ."""
        job, node_rank = self._job, self._lease.node_rank or 0
        found = {"AZUREML_NODE_COUNT": str(job.node_count), "AZUREML_COMMUNICATOR": job.communicator or "None"}
        if job.communicator == JOBLIB:
            if job.node_count > 1:
                role = "AMLET_JOBLIB_LISTEN" if self.is_first else "AMLET_JOBLIB_ADDRESS"
                found[role] = f"{start.addresses[0]}:{start.port}"
                found["AMLET_JOBLIB_NODES"] = str(job.node_count)
            return found
        if not job.communicator and job.process_count == 1:
            return {}
        master, each = start.addresses[0], job.processes_per_node
        found.update(
            RANK=str(self.first_rank),
            WORLD_SIZE=str(job.process_count),
            LOCAL_RANK="0",
            LOCAL_WORLD_SIZE=str(each),
            NODE_RANK=str(node_rank),
            MASTER_ADDR=master,
            MASTER_PORT=str(start.port),
            AZ_BATCH_MASTER_NODE=f"{master}:{start.port}",
            AZ_BATCHAI_MPI_MASTER_NODE=master,
        )
        if job.communicator in MPI_COMMUNICATORS:
            found.update(
                OMPI_COMM_WORLD_RANK=str(self.first_rank),
                OMPI_COMM_WORLD_SIZE=str(job.process_count),
                OMPI_COMM_WORLD_LOCAL_RANK="0",
                OMPI_COMM_WORLD_LOCAL_SIZE=str(each),
                OMPI_COMM_WORLD_NODE_RANK="0",
            )
        else:
            found["AZUREML_FRAMEWORK"] = "PyTorch"
        return found

    @property
    def share(self) -> Share:
        """What one process of this node may count on."""
        share = self._lease.share
        return share._replace(cores=max(1, share.cores // self._job.processes_per_node))

    def job_file(self) -> JobFile:
        """What is started here: the script, or what helps it."""
        job = self._job
        if job.communicator == JOBLIB and not self.is_first:
            worker = self._parts.sdk / "amlet" / "runtime" / "joblib_nodes" / "worker.py"
            return JobFile(script=str(worker), arguments=[job.script or ""])
        return JobFile(script=job.script, arguments=job.arguments, command=job.command)

    def program(self, folder: Path) -> list[str]:
        """What this node starts with the build's Python: the bootstrap, or what starts several of it."""
        runtime = self._parts.sdk / "amlet" / "runtime"
        if self._job.processes_per_node == 1:
            return [str(runtime / "bootstrap.py"), str(folder)]
        return [str(runtime / "launch.py"), str(folder), str(self._job.processes_per_node), str(self.first_rank)]

    def logs(self, folder: Path, output: Path) -> list[tuple[Path, str]]:
        """The files that this node's processes print to, and the names that the run has them under."""
        node_rank, each = self._lease.node_rank or 0, self._job.processes_per_node
        if each > 1:
            ranks = range(self.first_rank, self.first_rank + each)
            found = [(folder / RANKS / str(rank) / "std_log.txt", f"user_logs/std_log_{rank}.txt") for rank in ranks]
            return [*found, (output, f"user_logs/launch_{node_rank}.txt"), self._prepared(folder)]
        if self._job.process_count == 1 and self.is_first:
            return [(output, self._job.script_log), self._prepared(folder)]
        return [(output, f"user_logs/std_log_{node_rank}.txt"), self._prepared(folder)]

    def _prepared(self, folder: Path) -> tuple[Path, str]:
        """The log of a build that this node made: the next attempt's has another name, as its node may be another."""
        attempt = f"_attempt_{self._lease.attempt}" if self._lease.attempt > 1 else ""
        rank = f"_node_{self._lease.node_rank}" if self._lease.node_rank else ""
        return folder / PREPARED, f"azureml-logs/65_job_prep{attempt}{rank}.txt"

    def journal_name(self, name: str) -> str:
        """Processes of two machines may have the same number."""
        return name if self.is_first else f"node-{self._lease.node_rank}-{name}"

    def file_name(self, path: str) -> str:
        """Under which name the run has a file of this node. Outputs lie together, logs of each node apart."""
        return (
            path if self.is_first or not path.startswith("logs/") else f"logs/node_{self._lease.node_rank}/{path[5:]}"
        )

    def named(self, error: RunError | None, folder: Path) -> RunError | None:
        """An error with the rank of the process that it is of."""
        if error is None or self._job.process_count == 1:
            return error
        rank = self.first_rank if self._job.processes_per_node == 1 else _failed_rank(folder)
        who = f"Node {self._lease.node_rank or 0}" if rank is None else f"Rank {rank}"
        return error._replace(message=f"{who}: {error.message}")

    def wait_for_others(self, asked: SettleAttempt, check: Callable[[], None]) -> None:
        """Let the end of this node's processes be known, and wait until those of the others have ended.

        Args:
            check: Raises when there is no more to wait for.
        """
        if self.is_alone:
            return
        self.end(asked)
        while True:
            check()
            with self._changed:
                if self._others == 0:  # it never grows again: what was heard last may be relied on
                    return
                self._changed.wait(0.5)

    @property
    def _others(self) -> int | None:
        return self._state.others if self._state is not None else None

    def end(self, asked: SettleAttempt) -> SettleAnswer:
        """Tell how this node's processes ended."""
        lease = self._lease
        end = RankEnd(asked.outcome, asked.exit_code, asked.error, asked.outputs, asked.warnings, asked.is_nodes_fault)
        told = EndRank(asked.attempt, lease.node_rank or 0, end)
        return self._parts.client.patient(0).nodes.end_rank(lease.workspace_id, lease.run_id, told)

    def entries(self, found: list[Entry]) -> list[Entry]:
        """Collected files under the names that the run has them under."""
        return [entry._replace(path=self.file_name(entry.path)) for entry in found]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


def _failed_rank(folder: Path) -> int | None:
    """Which of several processes failed first, as their launcher noted it."""
    try:
        told = json.loads((folder / RESULT_FILE).read_bytes())["rank"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return told if isinstance(told, int) else None
