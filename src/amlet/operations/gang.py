"""Runs over several nodes: leased together or not at all, started together, ended together.

Node 0 holds the run's own attempt, as the node of any run does; each other node has a lease of the same attempt under
its rank. A gang at the head of its queue is not overtaken: nodes that come free are kept for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from amlet.base.errors import InvalidInput, StaleAttempt
from amlet.domain import run as runs
from amlet.domain.compute import Node
from amlet.domain.gang import Gang, RankEnd, Seat
from amlet.domain.job import JOBLIB, Job
from amlet.domain.run import Run, RunError, RunWarning
from amlet.operations import held_by_services
from amlet.operations.room import SILENT_S
from amlet.operations.transitions import queue_topic, run_topic
from amlet.store.base import LeaseRecord, Transaction
from amlet.wire.nodes import EndRank, GangAnswer, JoinGang, LeaseState, SettleAnswer, SettleAttempt


def free_nodes(tx: Transaction, pool: str, now: datetime) -> list[Node]:
    """The nodes of a pool that hold nothing and ask for work."""
    busy = {lease.node for lease in tx.leases.of_pool(pool)}
    silent = now - timedelta(seconds=SILENT_S)
    full = held_by_services.full(tx, pool, tx.nodes.list(pool))
    return [
        node
        for node in tx.nodes.list(pool)
        if node.name not in busy and not node.leaving and node.seen is not None and node.seen > silent
        if node.name not in full
    ]


def gather(tx: Transaction, first: Node, count: int, now: datetime) -> list[Node] | None:
    """As many free nodes as a gang needs, `first` ahead; None when there are too few."""
    others = [node for node in free_nodes(tx, first.pool, now) if node.name != first.name]
    return [first, *others[: count - 1]] if len(others) >= count - 1 else None


def form(tx: Transaction, run: Run, job: Job, nodes: list[Node], expires: datetime) -> None:
    """Lease the attempt to all nodes but the first, who asked, and tell them."""
    seats = [Seat(node.name, is_taken=rank == 0) for rank, node in enumerate(nodes)]
    for rank, node in enumerate(nodes[1:], 1):
        tx.nodes.save(node._replace(idle_since=None))
        tx.leases.save(LeaseRecord(run.workspace_id, run.id, run.attempt, node.name, node.pool, expires, rank))
    tx.gangs.save(run.workspace_id, run.id, Gang(run.attempt, seats, has_helpers=job.communicator == JOBLIB))
    tx.touch(queue_topic(nodes[0].pool))


def waiting_seat(tx: Transaction, node: str) -> LeaseRecord | None:
    """The lease that a gang has for this node, and of which it does not know yet."""
    for held in tx.leases.of_node(node):
        gang = tx.gangs.find(held.workspace_id, held.run_id) if held.node_rank else None
        if gang is not None and not gang.seats[held.node_rank].is_taken:
            return held
    return None


def take_seat(tx: Transaction, held: LeaseRecord, now: datetime, lease_s: float) -> None:
    """The node learns of its lease."""
    gang = _gang(tx, held.workspace_id, held.run_id, held.attempt)
    seat = gang.seats[held.node_rank]._replace(is_taken=True)
    tx.gangs.save(held.workspace_id, held.run_id, gang.with_seat(held.node_rank, seat))
    tx.leases.save(held._replace(expires=now + timedelta(seconds=lease_s)))


def renew_seat(tx: Transaction, run: Run, asked_by: str, node_rank: int, now: datetime, lease_s: float) -> LeaseState:
    """Keep one node's lease for another term.

    Raises:
        StaleAttempt: when the gang is no more; it is never made anew by one node.
    """
    gang = _gang(tx, run.workspace_id, run.id, run.attempt)
    held = tx.leases.find(run.workspace_id, run.id, node_rank)
    if held is None or held.node != asked_by or held.attempt != run.attempt:
        raise _stale(run.id, run.attempt)
    tx.leases.save(held._replace(expires=now + timedelta(seconds=lease_s)))
    return _state(run, gang, lease_s)


def look(tx: Transaction, run: Run, lease_s: float) -> LeaseState:
    """What a node of the gang is to know.

    Raises:
        StaleAttempt: when the gang is no more.
    """
    return _state(run, _gang(tx, run.workspace_id, run.id, run.attempt), lease_s)


def _state(run: Run, gang: Gang, lease_s: float) -> LeaseState:
    return LeaseState(run.status == runs.CANCEL_REQUESTED, lease_s, gang.is_stopping, gang.at_work)


def join(tx: Transaction, run: Run, asked: JoinGang) -> None:
    """Note that a node is ready to start."""
    gang = _gang(tx, run.workspace_id, run.id, asked.attempt)
    _check_rank(gang, asked.node_rank)
    seat = gang.seats[asked.node_rank]
    if seat.node != asked.node:
        raise _stale(run.id, asked.attempt)
    gang = gang.with_seat(asked.node_rank, seat._replace(address=asked.address))
    if asked.node_rank == 0 and not gang.port:
        gang = gang._replace(port=asked.port)
    _save(tx, run, gang)


def joined(tx: Transaction, run: Run) -> GangAnswer | None:
    """What the nodes start with, or that they do not start; None while some are not ready."""
    gang = _gang(tx, run.workspace_id, run.id, run.attempt)
    stop = gang.is_stopping or run.status == runs.CANCEL_REQUESTED
    if not stop and not gang.is_ready:
        return None
    return GangAnswer([seat.address or "" for seat in gang.seats], gang.port, stop)


def end_rank(tx: Transaction, run: Run, asked: EndRank) -> SettleAnswer:
    """Note how one node ended, and let it go; node 0 stays until it settles the run.

    When blobs of what it left are missing, nothing is recorded.
    """
    gang = _gang(tx, run.workspace_id, run.id, asked.attempt)
    _check_rank(gang, asked.node_rank)
    missing = tx.blobs.missing([entry.sha256 for entry in asked.end.outputs])
    if missing:
        return SettleAnswer(missing)
    _end(tx, run, gang, asked.node_rank, asked.end)
    return SettleAnswer([])


def outlives(tx: Transaction, run: Run, held: LeaseRecord) -> bool:
    """Whether a run goes on, or ends as it was about to, without a node that was lost."""
    gang = tx.gangs.find(held.workspace_id, held.run_id) if held.node_rank else None
    if gang is None or run.status == runs.QUEUED or not (gang.has_helpers or gang.is_stopping):
        return False
    text = f"Node {held.node} was lost while the run went on."
    _end(tx, run, gang, held.node_rank, RankEnd(runs.FAILED, error=RunError("SystemError", text)))
    return True


def completed(tx: Transaction, run: Run, asked: SettleAttempt) -> SettleAttempt:
    """What node 0 says of the end, with what the others left and how they ended."""
    gang = tx.gangs.find(run.workspace_id, run.id)
    if gang is None:
        return asked
    outputs = {entry.path: entry for entry in asked.outputs}
    warnings = [*asked.warnings]
    lost: list[str] = []
    for rank, seat in enumerate(gang.seats[1:], 1):
        end = seat.end or RankEnd(runs.CANCELED)
        warnings += [RunWarning(said.source, f"Node {rank}: {said.message}") for said in end.warnings]
        for entry in end.outputs:
            if outputs.setdefault(entry.path, entry).sha256 != entry.sha256:
                lost.append(f"{entry.path} of node {rank}")
        if gang.has_helpers and end.outcome == runs.FAILED and end.error is not None:
            said_of = f"Node {rank} ({seat.node}) stopped helping: {end.error.message}"
            warnings.append(RunWarning("compute", said_of))
    if lost:
        listed = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
        text = f"Several nodes wrote files of the same name; the lowest rank's are kept, and these are not: {listed}."
        warnings.append(RunWarning("outputs", text))
    merged = asked._replace(outputs=[*outputs.values()], warnings=warnings)
    first = gang.seats[gang.failed].end if gang.failed else None
    if first is None or run.status == runs.CANCEL_REQUESTED:
        return merged
    return merged._replace(
        outcome=runs.FAILED, exit_code=first.exit_code, error=first.error, is_nodes_fault=first.is_nodes_fault
    )


def _end(tx: Transaction, run: Run, gang: Gang, node_rank: int, end: RankEnd) -> None:
    if node_rank:
        node = tx.nodes.find(gang.seats[node_rank].node)
        tx.leases.end_rank(run.workspace_id, run.id, node_rank)
        if node is not None:
            tx.touch(queue_topic(node.pool))
    _save(tx, run, gang.ended(node_rank, end))


def _save(tx: Transaction, run: Run, gang: Gang) -> None:
    tx.gangs.save(run.workspace_id, run.id, gang)
    tx.touch(run_topic(run.workspace_id, run.id))


def _gang(tx: Transaction, workspace_id: str, run_id: str, attempt: int) -> Gang:
    gang = tx.gangs.find(workspace_id, run_id)
    if gang is None or gang.attempt != attempt:
        raise _stale(run_id, attempt)
    return gang


def _check_rank(gang: Gang, node_rank: int) -> None:
    if not 0 <= node_rank < len(gang.seats):
        raise InvalidInput(f"The run has {len(gang.seats)} nodes: none has the rank {node_rank}.")


def _stale(run_id: str, attempt: int) -> StaleAttempt:
    return StaleAttempt(f"Attempt {attempt} of run {run_id} no longer has its nodes.")
