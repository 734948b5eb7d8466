"""Attempts: hand one to a node, keep it alive, note that it runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from amlet.base.errors import NotFound, StaleAttempt
from amlet.domain import run as runs
from amlet.domain.compute import Node
from amlet.domain.job import Lease, Share
from amlet.domain.run import Run, RunWarning
from amlet.domain.vm_sizes import vm_size
from amlet.operations import held_by_services
from amlet.operations.datasets import for_run
from amlet.operations.gang import form, gather, renew_seat, take_seat, waiting_seat
from amlet.operations.room import Room
from amlet.operations.transitions import RECONCILE, move, save
from amlet.runtime.job import JobContext
from amlet.store.base import LeaseRecord, Transaction
from amlet.wire.nodes import AttemptStarted, LeaseState, NodeHello, NodeWelcome

LEASE_S = 15.0
"""A node that has not renewed for so long is taken for lost."""

Mint = Callable[[str, str, int], str]
"""(workspace, run, attempt) -> the run's own token."""


def greet(tx: Transaction, hello: NodeHello, now: datetime) -> NodeWelcome:
    """Note that a node is there. What it holds gets a fresh term, what it was given and does not hold is lost."""
    node = tx.nodes.find(hello.node)
    if node is None:
        node = Node(hello.node, hello.target, hello.share, now, now)
    tx.nodes.save(node._replace(seen=now, share=hello.share))
    in_hand = {(held.workspace_id, held.run_id, held.attempt) for held in hello.held}
    seat = waiting_seat(tx, hello.node)
    for lease in tx.leases.of_node(hello.node):
        if lease == seat:
            continue
        if (lease.workspace_id, lease.run_id, lease.attempt) in in_hand:
            tx.leases.save(lease._replace(expires=now + timedelta(seconds=LEASE_S)))
        else:
            _lapse(tx, lease, now)
    return NodeWelcome(heartbeat_s=LEASE_S / 3, serves=serves(tx, hello.node, hello.target))


def serves(tx: Transaction, node: str, pool: str) -> bool:
    """Whether a node is to hold processes of services that are spread over its target."""
    return node in held_by_services.serving(tx, pool)


def _lapse(tx: Transaction, lease: LeaseRecord, now: datetime) -> None:
    """Let a lease end at once: the reconciler queues the run again, or fails it if its script had begun."""
    tx.leases.save(lease._replace(expires=now))
    tx.touch(RECONCILE)


def has_work(tx: Transaction, node: Node, machine: Share, now: datetime) -> bool:
    """Whether the node would get a run now."""
    if waiting_seat(tx, node.name) is not None:
        return True
    if node.leaving or held_by_services.full(tx, node.pool, [node]):
        return False
    turn = Room(tx, machine, now).turn(node)
    return turn is not None and gather(tx, node, turn.nodes, now) is not None


def take(tx: Transaction, node_name: str, service_url: str, mint: Mint, machine: Share, now: datetime) -> Lease | None:
    """The next run of the node's pool, as a new attempt; None when there is none, or no room for it.

    Args:
        machine: What the machine of the server has, which its nodes have to share.

    Raises:
        NotFound: if the node is not known: it says hello again.
    """
    node = tx.nodes.find(node_name)
    if node is None:
        raise NotFound(f'No node "{node_name}" has said hello.')
    seat = waiting_seat(tx, node_name)
    if seat is not None:
        tx.nodes.save(node._replace(seen=now, idle_since=None))
        take_seat(tx, seat, now, LEASE_S)
        run = tx.runs.get(seat.workspace_id, seat.run_id)
        return _lease(tx, run, node, service_url, mint, seat.node_rank)
    for held in tx.leases.of_node(node_name):
        _lapse(tx, held, now)  # a node asks when it has nothing in hand: the answer that gave it this never came
    room = Room(tx, machine, now)
    is_free = not node.leaving and not held_by_services.full(tx, node.pool, [node])
    turn = room.turn(node) if is_free else None
    nodes = gather(tx, node, turn.nodes, now) if turn is not None else None
    if turn is None or nodes is None:
        tx.nodes.save(node._replace(seen=now, idle_since=node.idle_since or now))
        return None
    run = turn.run
    attempt = run.attempt + 1
    tx.nodes.save(node._replace(seen=now, idle_since=None))
    expires = now + timedelta(seconds=LEASE_S)
    tx.leases.save(LeaseRecord(run.workspace_id, run.id, attempt, node.name, node.pool, expires))
    tx.queue.remove(run.workspace_id, run.id)
    room.wake()  # what waited behind this run for room may fit now
    warnings = [*run.warnings, *_smaller_share(tx, run, node)]
    run = save(tx, run._replace(attempt=attempt, waiting_for=None, warnings=warnings))
    if len(nodes) > 1:
        form(tx, run, tx.runs.job(run.workspace_id, run.id), nodes, expires)
    return _lease(tx, run, node, service_url, mint, 0 if len(nodes) > 1 else None)


def _lease(tx: Transaction, run: Run, node: Node, service_url: str, mint: Mint, node_rank: int | None) -> Lease:
    attempt = run.attempt
    job = tx.runs.job(run.workspace_id, run.id)
    lock = tx.locks.get(run.lock_id or "")
    if lock is None:
        raise NotFound(f"The lock {run.lock_id} of run {run.id} is not in the records.")
    token = mint(run.workspace_id, run.id, attempt)
    workspace = tx.workspaces.get(run.workspace_id)
    experiment = tx.experiments.find(run.workspace_id, run.experiment)
    context = JobContext(
        run_id=run.id,
        experiment=run.experiment,
        experiment_id=experiment.id if experiment else "",
        workspace_id=run.workspace_id,
        workspace_name=workspace.name,
        subscription_id=workspace.subscription_id,
        resource_group=workspace.resource_group,
        attempt=attempt,
        token=token,
        endpoint=service_url,
    )
    return Lease(
        run.workspace_id,
        run.id,
        attempt,
        run.experiment,
        for_run(job, run.id),
        lock,
        tx.trees.get(job.snapshot_id),
        held_by_services.left_for_runs(tx, node),
        token,
        LEASE_S,
        context.variables(),
        node_rank,
    )


def _smaller_share(tx: Transaction, run: Run, node: Node) -> list[RunWarning]:
    """One line when the node has less than the target's size asked for."""
    left = held_by_services.left_for_runs(tx, node)
    if left.cores < node.share.cores:
        text = f"{left.cores} of the {node.share.cores} cores of {node.name} are the run's: services hold the others."
        return [RunWarning("compute", text)]
    target = tx.computes.find(run.workspace_id, run.target)
    asked = vm_size(target.vm_size) if target else None
    if asked is None or target is None or node.share.cores >= asked.cores or run.attempt:
        return []
    text = (
        f"{target.vm_size} has {asked.cores} cores; a node of {target.name} has {node.share.cores} here, its part of "
        f"this machine for {target.max_nodes} nodes."
    )
    return [RunWarning("compute", text)]


def current(tx: Transaction, workspace_id: str, run_id: str, attempt: int) -> Run:
    """The run, if this attempt is the one that counts.

    Raises:
        StaleAttempt: if the run has ended, or another attempt took its place.
    """
    run = tx.runs.get(workspace_id, run_id)
    if not run.is_current(attempt):
        raise StaleAttempt(
            f"Attempt {attempt} of run {run_id} no longer counts: the run is {run.status}, at attempt {run.attempt}."
        )
    return run


def renew(
    tx: Transaction,
    workspace_id: str,
    run_id: str,
    attempt: int,
    node_name: str,
    now: datetime,
    *,
    node_rank: int | None = None,
) -> LeaseState:
    """Keep an attempt for another term; also made anew when the lease had lapsed and nobody took the run."""
    run = current(tx, workspace_id, run_id, attempt)
    node = tx.nodes.find(node_name)
    if node is not None:
        tx.nodes.save(node._replace(seen=now))
    if node_rank is not None:
        return renew_seat(tx, run, node_name, node_rank, now, LEASE_S)
    held = tx.leases.find(workspace_id, run_id)
    pool = held.pool if held else node.pool if node else run.target
    expires = now + timedelta(seconds=LEASE_S)
    tx.leases.save(LeaseRecord(workspace_id, run_id, attempt, node_name, pool, expires))
    tx.queue.remove(workspace_id, run_id)
    return LeaseState(cancel=run.status == runs.CANCEL_REQUESTED, lease_s=LEASE_S)


def started(tx: Transaction, workspace_id: str, run_id: str, asked: AttemptStarted, now: datetime) -> None:
    """The script's process is there. Saying so twice changes nothing."""
    run = current(tx, workspace_id, run_id, asked.attempt)
    if run.status == runs.QUEUED:
        since = now - timedelta(seconds=max(0.0, asked.took_s))
        move(tx, run, runs.RUNNING, now, asked.detail, since, properties={**run.properties, **asked.facts})
