"""Nodes: leases, logs, ends of attempts, replicas."""

from __future__ import annotations

from starlette.responses import Response

from amlet.base.errors import Forbidden, NotFound
from amlet.domain.compute import Node
from amlet.domain.run import CANCEL_REQUESTED
from amlet.operations import collect, gang, lease, replicas, settle
from amlet.operations.service_records import find_service, replicas_topic, service_log_topic
from amlet.operations.transitions import queue_topic, run_topic
from amlet.server.context import Call, Handler, Parts
from amlet.server.streams import file_response
from amlet.store.base import Transaction
from amlet.wire.files import SizeAnswer
from amlet.wire.nodes import (
    GangAnswer,
    LeaseAnswer,
    LeaseState,
    LiveAnswer,
    NodeWelcome,
    SettleAnswer,
    TakeLease,
    WantedReplicas,
)
from amlet.wire.server import Done

LOG_LIMIT_BYTES = 16 << 20


async def hello(call: Call) -> NodeWelcome:
    _check_node(call)
    return await call.parts.write(lambda tx: lease.greet(tx, call.body, call.parts.now()))


async def take(call: Call) -> LeaseAnswer:
    _check_node(call)
    parts, asked = call.parts, call.body
    first = True

    def has_news(tx: Transaction) -> bool:
        node = _node(tx, asked)
        if node.leaving or (not asked.serves and lease.serves(tx, node.name, node.pool)):
            return True
        return lease.has_work(tx, node, parts.machine, parts.now())

    async def look() -> LeaseAnswer | None:
        nonlocal first
        if not first and not await parts.read(has_news):
            return None
        if await call.request.is_disconnected():
            return LeaseAnswer(None)  # its node was killed: a run given to it now would wait for its lease to lapse
        first = False  # the first look is the heartbeat, written whether there is work or not
        found = await parts.write(lambda tx: _take(tx, parts, asked))
        return found if found.lease is not None or found.leave or found.serves else None

    return await parts.topics.until(queue_topic(asked.pool), look, asked.wait_s) or LeaseAnswer(None)


def _take(tx: Transaction, parts: Parts, asked: TakeLease) -> LeaseAnswer:
    if _node(tx, asked).leaving:
        return LeaseAnswer(None, leave=True)
    taken = lease.take(tx, asked.node, parts.url, parts.tokens.for_run, parts.machine, parts.now())
    return LeaseAnswer(taken, serves=not asked.serves and lease.serves(tx, asked.node, asked.pool))


def _node(tx: Transaction, asked: TakeLease) -> Node:
    node = next((node for node in tx.nodes.list(asked.pool) if node.name == asked.node), None)
    if node is None:
        raise NotFound(f'No node "{asked.node}" of {asked.pool} has said hello.')
    return node


async def renew(call: Call) -> LeaseState:
    _check_node(call)
    parts, asked = call.parts, call.body
    state = await parts.write(
        lambda tx: lease.renew(
            tx, call.workspace_id, call.run_id, asked.attempt, asked.node, parts.now(), node_rank=asked.node_rank
        )
    )
    if asked.node_rank is not None:
        return await _gang_changed(call, state)
    if state.cancel or not asked.wait_s:
        return state

    async def cancelled() -> LeaseState | None:
        run = await parts.read(lambda tx: lease.current(tx, call.workspace_id, call.run_id, asked.attempt))
        return state._replace(cancel=True) if run.status == CANCEL_REQUESTED else None

    return await parts.topics.until(run_topic(call.workspace_id, call.run_id), cancelled, asked.wait_s) or state


async def _gang_changed(call: Call, state: LeaseState) -> LeaseState:
    parts, asked, key = call.parts, call.body, (call.workspace_id, call.run_id)

    async def changed() -> LeaseState | None:
        found = await parts.read(lambda tx: gang.look(tx, lease.current(tx, *key, asked.attempt), lease.LEASE_S))
        return found if found != asked.known else None

    return await parts.topics.until(run_topic(*key), changed, asked.wait_s) or state


async def join(call: Call) -> GangAnswer:
    _check_node(call)
    parts, asked, key = call.parts, call.body, (call.workspace_id, call.run_id)
    await parts.write(lambda tx: gang.join(tx, lease.current(tx, *key, asked.attempt), asked))

    async def joined() -> GangAnswer | None:
        return await parts.read(lambda tx: gang.joined(tx, lease.current(tx, *key, asked.attempt)))

    return await parts.topics.until(run_topic(*key), joined, asked.wait_s) or GangAnswer([], 0)


async def end_rank(call: Call) -> SettleAnswer:
    asked = call.body
    return await call.parts.write(
        lambda tx: gang.end_rank(tx, lease.current(tx, call.workspace_id, call.run_id, asked.attempt), asked)
    )


async def started(call: Call) -> Done:
    await call.parts.write(lambda tx: lease.started(tx, call.workspace_id, call.run_id, call.body, call.parts.now()))
    return Done()


async def append_log(call: Call) -> SizeAnswer:
    data = await call.raw(LOG_LIMIT_BYTES)
    asked = call.query

    def keep(tx: Transaction) -> int:
        run = lease.current(tx, call.workspace_id, call.run_id, asked.attempt)
        return collect.append_log(tx, call.parts.logs, run, asked.path, asked.offset, data)

    return SizeAnswer(await call.parts.write(keep))


async def put_outputs(call: Call) -> LiveAnswer:
    def keep(tx: Transaction) -> LiveAnswer:
        run = lease.current(tx, call.workspace_id, call.run_id, call.body.attempt)
        return collect.put_live(tx, run, call.body)

    return await call.parts.write(keep)


async def finalizing(call: Call) -> Done:
    await call.parts.write(
        lambda tx: settle.finalizing(tx, call.workspace_id, call.run_id, call.body.attempt, call.parts.now())
    )
    return Done()


async def settle_attempt(call: Call) -> SettleAnswer:
    """The end of one attempt and the beginning of the node's next are one transaction."""
    parts, asked = call.parts, call.body
    if asked.then is not None:
        _check_speaks_for(call, asked.then.node)

    def work(tx: Transaction) -> SettleAnswer:
        answer = settle.settle_all(tx, parts.logs, call.workspace_id, call.run_id, asked, parts.now())
        if asked.then is None or answer.missing or answer.behind:
            return answer
        return answer._replace(lease=_take(tx, parts, asked.then).lease)

    return await parts.write(work)


async def sync_replicas(call: Call) -> WantedReplicas:
    _check_node(call)
    parts, asked = call.parts, call.body
    unseal = parts.secrets.open
    parts.loads.take_in(asked, parts.now())
    await parts.write(lambda tx: replicas.sync_replicas(tx, asked, parts.now()))

    def wanted(tx: Transaction) -> WantedReplicas:
        return replicas.wanted_replicas(tx, asked.node, unseal=unseal)

    async def changed() -> WantedReplicas | None:
        found = await parts.read(wanted)
        return found if found.number != asked.known else None

    found = await parts.topics.until(replicas_topic(asked.node), changed, asked.wait_s)
    return found if found is not None else await parts.read(wanted)


async def parcel(call: Call) -> Response:
    parts, digest = call.parts, call.path["digest"]
    found = await parts.threaded(lambda: parts.parcels.find(digest))
    if found is None:
        raise NotFound(f"There is no parcel {digest[:80]}.", hint="a node of another version asked for it.")
    return await file_response(parts, found.path)


async def append_service_log(call: Call) -> Done:
    data = await call.raw(LOG_LIMIT_BYTES)
    name, version = call.path["name"], call.query.version
    record = await call.parts.read(lambda tx: find_service(tx, call.workspace_id, name, version))
    await call.parts.threaded(lambda: call.parts.logs.append(record.log, data))
    call.parts.topics.publish([service_log_topic(call.workspace_id, name)])
    return Done()


def _check_node(call: Call) -> None:
    _check_speaks_for(call, call.body.node)


def _check_speaks_for(call: Call, node: str) -> None:
    if node != call.principal.node:
        raise Forbidden(f"The token of node {call.principal.node} does not speak for node {node[:100]!r}.")


HANDLERS: dict[str, Handler] = {
    "nodes.hello": hello,
    "nodes.take": take,
    "nodes.renew": renew,
    "nodes.started": started,
    "nodes.append_log": append_log,
    "nodes.put_outputs": put_outputs,
    "nodes.finalizing": finalizing,
    "nodes.settle": settle_attempt,
    "nodes.join": join,
    "nodes.end_rank": end_rank,
    "nodes.sync_replicas": sync_replicas,
    "nodes.parcel": parcel,
    "nodes.append_service_log": append_service_log,
}
