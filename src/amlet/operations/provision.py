"""Compute targets: make, change, start and stop, describe, delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.base.names import COMPUTE_TARGET
from amlet.base.units import human_bytes
from amlet.domain import compute as computes
from amlet.domain.compute import ComputeTarget, Credentials, NodeCounts, node_share, node_state, pool_of
from amlet.domain.job import Share
from amlet.domain.run import ACTIVE
from amlet.domain.vm_sizes import vm_size
from amlet.operations import held_by_services
from amlet.operations.check_compute import check_compute, check_nodes
from amlet.operations.submit import no_compute_target
from amlet.operations.transitions import RECONCILE, queue_topic
from amlet.store.base import Transaction
from amlet.wire.codec import from_json, to_json
from amlet.wire.computes import (
    RESTART,
    START,
    STOP,
    ComputeNode,
    ComputeNodes,
    Computes,
    ComputeState,
    CreateCompute,
    UpdateCompute,
)

RESERVED = ("amlcompute", "local", "containerinstance")
"""v1-behaviours 11.1."""

LOOPBACK = "127.0.0.1"

Seal = Callable[[str], str]
Open = Callable[[str], str]


def create_compute(
    tx: Transaction,
    workspace_id: str,
    name: str,
    asked: CreateCompute,
    machine: Share,
    now: datetime,
    *,
    seal: Seal,
    engines: Collection[str] = (computes.LOCAL_ENGINE,),
    cluster_engine: str = computes.LOCAL_ENGINE,
) -> ComputeState:
    """Make a target, or change the one of that name, as v1's create did.

    Args:
        seal: Makes of a secret what the records may hold.
        engines: Those that this server has.
        cluster_engine: Who starts the nodes of an AmlCompute target, and of an AksCompute where they are machines.

    Raises:
        InvalidInput: for a name that v1 keeps, or with every fault of what is asked.
        Conflict: if a target of another kind has that name.
    """
    tx.workspaces.get(workspace_id)
    COMPUTE_TARGET.check(name)
    if name.lower() in RESERVED:
        raise InvalidInput(f'"{name}" cannot name a compute target: v1 keeps that name.', hint="choose another name.")
    by_kind = {
        computes.REMOTE: computes.SSH_ENGINE,
        computes.AML_COMPUTE: cluster_engine,
        computes.AKS: cluster_engine,
    }
    engine = by_kind.get(asked.kind, computes.LOCAL_ENGINE)
    check_compute(asked, machine if engine == computes.LOCAL_ENGINE else None)
    earlier = tx.computes.find(workspace_id, name)
    if earlier is not None and earlier.kind != asked.kind:
        raise Conflict(
            f'"{name}" is a compute target of the kind {earlier.kind} already.',
            hint="choose another name, or delete it.",
        )
    if engine not in engines:
        raise InvalidInput(
            f"This server has no engine {engine!r}, which a {asked.kind} needs: it has {', '.join(sorted(engines))}.",
            hint="use AmlCompute: its nodes are on the server's machine.",
        )
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
        engine=engine,
        is_stopped=earlier.is_stopped if earlier else False,
        remote=asked.remote,
        details=asked.details,
    )
    tx.computes.save(target)
    if asked.credentials is not None:
        tx.secrets.save(workspace_id, _secret_name(name), seal(to_json(asked.credentials).decode()))
    tx.touch(RECONCILE)
    return describe_compute(tx, target, machine)


def update_compute(
    tx: Transaction, workspace_id: str, name: str, asked: UpdateCompute, machine: Share, now: datetime
) -> ComputeState:
    """Change how many nodes it may have; None leaves a setting (v1-behaviours 11.6)."""
    target = find_compute(tx, workspace_id, name)
    changes = {key: value for key, value in asked._asdict().items() if value is not None}
    changes["details"] = {**target.details, **(asked.details or {})}
    target = target._replace(modified=now, **changes)
    check_nodes(target.kind, target.min_nodes, target.max_nodes, target.idle_s)
    tx.computes.save(target)
    tx.touch(RECONCILE)
    return describe_compute(tx, target, machine)


def switch_compute(
    tx: Transaction, workspace_id: str, name: str, action: str, machine: Share, now: datetime
) -> ComputeState:
    """Start, stop or restart a compute instance.

    The node that goes ends the run that it holds first, and takes no other.
    """
    target = find_compute(tx, workspace_id, name)
    if target.kind != computes.COMPUTE_INSTANCE:
        raise InvalidInput(
            f'"{name}" is of the kind {target.kind}: only a {computes.COMPUTE_INSTANCE} is started and stopped.',
            hint="its nodes come with runs and go after the idle time.",
        )
    if action not in (START, STOP, RESTART):
        raise InvalidInput(f"{action[:50]!r} is not {START}, {STOP} or {RESTART}.")
    target = target._replace(is_stopped=action == STOP, modified=now)
    tx.computes.save(target)
    pool = pool_of(workspace_id, name)
    if action != START:
        for node in tx.nodes.list(pool):
            tx.nodes.save(node._replace(leaving=True))
    tx.touch(queue_topic(pool))
    tx.touch(RECONCILE)
    return describe_compute(tx, target, machine)


def delete_compute(tx: Transaction, workspace_id: str, name: str) -> None:
    """Delete a target that no run and no service needs."""
    find_compute(tx, workspace_id, name)
    served = [record.service.name for record in tx.services.list(workspace_id) if record.service.target == name]
    if served:
        raise Conflict(
            f'Compute target "{name}" serves {len(served)} services, such as "{served[0]}".',
            hint="delete them first: service.delete().",
        )
    busy = tx.runs.with_status(ACTIVE, pool_of(workspace_id, name))
    if busy:
        raise Conflict(
            f'Compute target "{name}" is in use by {len(busy)} runs, such as {busy[0].id}.',
            hint="wait for them, or cancel them with `amlet cancel`.",
        )
    tx.computes.delete(workspace_id, name)
    tx.secrets.delete(workspace_id, _secret_name(name))
    tx.touch(RECONCILE)


def find_compute(tx: Transaction, workspace_id: str, name: str) -> ComputeTarget:
    """The target of that name; NotFound with the nearest one."""
    target = tx.computes.find(workspace_id, name)
    if target is None:
        raise no_compute_target(tx, workspace_id, name)
    return target


def credentials_of(tx: Transaction, target: ComputeTarget, unseal: Open) -> Credentials:
    """What a remote target's machine is signed in with.

    Raises:
        NotFound: for a target that has none.
        StorageFailed: if it was sealed with another key.
    """
    sealed = tx.secrets.find(target.workspace_id, _secret_name(target.name))
    if sealed is None:
        raise NotFound(f'Compute target "{target.name}" has no credentials.', hint="attach it again with a key.")
    found: Credentials = from_json(Credentials, unseal(sealed).encode(), strict=False)
    return found


def describe_compute(tx: Transaction, target: ComputeTarget, machine: Share) -> ComputeState:
    """The target with its nodes as they are now."""
    pool = pool_of(target.workspace_id, target.name)
    nodes = tx.nodes.list(pool)
    leased = {lease.node for lease in tx.leases.of_pool(pool)} | held_by_services.serving(tx, pool)
    states = [node_state(node, is_busy=node.name in leased) for node in nodes]
    counts = NodeCounts(
        preparing=states.count(computes.PREPARING),
        running=states.count(computes.RUNNING),
        idle=states.count(computes.IDLE),
        leaving=states.count(computes.LEAVING),
    )
    staying = sum(not node.leaving for node in nodes)
    known = next((node.share for node in nodes if node.seen is not None), None)
    return ComputeState(target, counts, max(target.scale.min_nodes, staying), _share_words(target, machine, known))


def list_computes(tx: Transaction, workspace_id: str, machine: Share) -> Computes:
    """All targets of a workspace."""
    return Computes([describe_compute(tx, target, machine) for target in tx.computes.list(workspace_id)])


def list_nodes(tx: Transaction, workspace_id: str, name: str) -> ComputeNodes:
    """The nodes of a target, `local` too, and what each does."""
    address: str | None = LOOPBACK
    if name != computes.LOCAL:
        target = find_compute(tx, workspace_id, name)
        if target.engine != computes.LOCAL_ENGINE:
            address = target.remote.address if target.remote else None
    pool = pool_of(workspace_id, name)
    held = {lease.node: lease for lease in tx.leases.of_pool(pool)}
    serving = held_by_services.serving(tx, pool)
    return ComputeNodes(
        [
            ComputeNode(
                node.name,
                node_state(node, is_busy=node.name in held or node.name in serving),
                # `local` serves all workspaces: what the others run there is theirs.
                held[node.name].run_id if node.name in held and held[node.name].workspace_id == workspace_id else None,
                address,
                node.share,
                node.started,
                node.idle_since,
                node.trouble,
            )
            for node in sorted(tx.nodes.list(pool), key=lambda node: node.name)
        ]
    )


def _share_words(target: ComputeTarget, machine: Share, known: Share | None) -> str:
    asked = vm_size(target.vm_size)
    is_here = target.engine == computes.LOCAL_ENGINE
    if known is None and not is_here:
        return f"what its machine has, {asked.name} at most" if asked else "what its machine has"
    share = known or node_share(asked, target.max_nodes, machine)
    words = f"{share.cores} {'core' if share.cores == 1 else 'cores'}, {human_bytes(share.memory_bytes)}"
    if share.gpus:
        words += f", {share.gpus} GPU"
    if asked and share.cores < asked.cores and is_here:
        words += (
            f" ({target.vm_size} asks for {asked.cores}; this machine has {machine.cores} for {target.max_nodes} nodes)"
        )
    return words


def _secret_name(name: str) -> str:
    return json.dumps(["compute", name])
