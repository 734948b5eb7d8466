"""Compute targets: make, change, describe, delete."""

from __future__ import annotations

from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput
from amlet.base.units import human_bytes
from amlet.domain.compute import VM_SIZES, ComputeTarget, NodeCounts, node_share, pool_of, vm_size
from amlet.domain.job import Share
from amlet.operations.submit import no_compute_target
from amlet.operations.transitions import RECONCILE
from amlet.store.base import Transaction
from amlet.wire.computes import Computes, ComputeState, CreateCompute, UpdateCompute

RESERVED = ("amlcompute", "local", "containerinstance")
"""v1-behaviours 11.1."""


NODES_LIMIT = 1_000
"""Nodes are processes that the reconciler starts and names one by one."""

IDLE_LIMIT_S = 10 * 365 * 86_400


def create_compute(
    tx: Transaction, workspace_id: str, name: str, asked: CreateCompute, machine: Share, now: datetime
) -> ComputeState:
    """Make a target, or change the one of that name, as v1's create did."""
    tx.workspaces.get(workspace_id)
    names.COMPUTE_TARGET.check(name)
    if name.lower() in RESERVED:
        raise InvalidInput(f'"{name}" cannot name a compute target: v1 keeps that name.', hint="choose another name.")
    _check_nodes(asked.min_nodes, asked.max_nodes, asked.idle_s)
    size = vm_size(asked.vm_size)
    if size is None:
        known = names.closest(asked.vm_size, list(VM_SIZES))
        raise InvalidInput(f'"{asked.vm_size}" is not a VM size we know.', hint=known or "such as STANDARD_D2_V2.")
    if size.gpus:
        raise InvalidInput(
            f"{asked.vm_size} has {size.gpus} GPU: this machine's nodes offer none.",
            hint="choose a size without a GPU, such as STANDARD_D2_V2.",
        )
    earlier = tx.computes.find(workspace_id, name)
    target = ComputeTarget(
        workspace_id,
        name,
        asked.kind,
        asked.vm_size.upper(),
        asked.vm_priority,
        asked.min_nodes,
        asked.max_nodes,
        asked.idle_s,
        asked.description,
        asked.tags,
        asked.location,
        earlier.created if earlier else now,
        now,
    )
    tx.computes.save(target)
    tx.touch(RECONCILE)
    return describe_compute(tx, target, machine)


def update_compute(
    tx: Transaction, workspace_id: str, name: str, asked: UpdateCompute, machine: Share, now: datetime
) -> ComputeState:
    """Change how many nodes it may have; None leaves a setting (v1-behaviours 11.6)."""
    target = find_compute(tx, workspace_id, name)
    changes = {key: value for key, value in asked._asdict().items() if value is not None}
    target = target._replace(modified=now, **changes)
    _check_nodes(target.min_nodes, target.max_nodes, target.idle_s)
    tx.computes.save(target)
    tx.touch(RECONCILE)
    return describe_compute(tx, target, machine)


def delete_compute(tx: Transaction, workspace_id: str, name: str) -> None:
    """Delete a target that no run needs."""
    find_compute(tx, workspace_id, name)
    busy = tx.runs.with_status(
        ("Starting", "Preparing", "Queued", "Running", "Finalizing"), pool_of(workspace_id, name)
    )
    if busy:
        raise Conflict(
            f'Compute target "{name}" is in use by {len(busy)} runs, such as {busy[0].id}.',
            hint="wait for them, or cancel them with `amlet cancel`.",
        )
    tx.computes.delete(workspace_id, name)
    tx.touch(RECONCILE)


def find_compute(tx: Transaction, workspace_id: str, name: str) -> ComputeTarget:
    """The target of that name; NotFound with the nearest one."""
    target = tx.computes.find(workspace_id, name)
    if target is None:
        raise no_compute_target(tx, workspace_id, name)
    return target


def describe_compute(tx: Transaction, target: ComputeTarget, machine: Share) -> ComputeState:
    """The target with its nodes as they are now."""
    pool = pool_of(target.workspace_id, target.name)
    nodes = tx.nodes.list(pool)
    leased = {lease.node for lease in tx.leases.of_pool(pool)}
    counts = NodeCounts(
        preparing=sum(node.seen is None for node in nodes),
        running=sum(node.name in leased for node in nodes),
        idle=sum(node.seen is not None and node.name not in leased and not node.leaving for node in nodes),
        leaving=sum(node.leaving and node.name not in leased for node in nodes),
    )
    asked = vm_size(target.vm_size)
    share = node_share(asked, target.max_nodes, machine)
    words = f"{share.cores} {'core' if share.cores == 1 else 'cores'}, {human_bytes(share.memory_bytes)}"
    if asked and share.cores < asked.cores:
        words += (
            f" ({target.vm_size} asks for {asked.cores}; this machine has {machine.cores} for {target.max_nodes} nodes)"
        )
    wanted = max(target.min_nodes, counts.current)
    return ComputeState(target, counts, wanted, words)


def list_computes(tx: Transaction, workspace_id: str, machine: Share) -> Computes:
    """All targets of a workspace."""
    return Computes([describe_compute(tx, target, machine) for target in tx.computes.list(workspace_id)])


def _check_nodes(min_nodes: int, max_nodes: int, idle_s: int) -> None:
    faults = []
    if max_nodes < 1:
        faults.append(FieldError("max_nodes", f"must be 1 or more, got {max_nodes}"))
    if max_nodes > NODES_LIMIT:
        faults.append(FieldError("max_nodes", f"must be at most {NODES_LIMIT}, got {max_nodes}"))
    if not 0 <= min_nodes <= max(max_nodes, 0):
        faults.append(FieldError("min_nodes", f"must be from 0 to max_nodes ({max_nodes}), got {min_nodes}"))
    if not 0 <= idle_s <= IDLE_LIMIT_S:
        faults.append(FieldError("idle_seconds_before_scaledown", f"must be from 0 to {IDLE_LIMIT_S:,}, got {idle_s}"))
    if faults:
        raise InvalidInput.of(faults, subject="the compute target")
