"""Datasets, and which runs had them."""

from __future__ import annotations

from amlet.domain.data import DatasetRecord
from amlet.operations import datasets as operations
from amlet.server.context import Call, Handler
from amlet.store.base import DatasetFilter
from amlet.wire.data import Datasets, DatasetUses
from amlet.wire.server import Done


async def register(call: Call) -> DatasetRecord:
    return await call.parts.write(lambda tx: operations.register(tx, call.workspace_id, call.body, call.parts.now()))


async def get(call: Call) -> DatasetRecord:
    return await call.parts.read(lambda tx: operations.find(tx, call.workspace_id, call.path["dataset_id"]))


async def list_all(call: Call) -> Datasets:
    chosen = DatasetFilter(**call.query._asdict())
    return Datasets(await call.parts.read(lambda tx: operations.list_datasets(tx, call.workspace_id, chosen)))


async def update(call: Call) -> DatasetRecord:
    parts, dataset_id = call.parts, call.path["dataset_id"]
    return await parts.write(lambda tx: operations.update(tx, call.workspace_id, dataset_id, call.body, parts.now()))


async def unregister(call: Call) -> Done:
    await call.parts.write(lambda tx: operations.unregister(tx, call.workspace_id, call.query.name))
    return Done()


async def uses(call: Call) -> DatasetUses:
    return await call.parts.read(lambda tx: operations.uses_of(tx, call.workspace_id, call.path["dataset_id"]))


async def read_dataset(call: Call) -> Done:
    await call.parts.write(lambda tx: operations.note_read(tx, call.workspace_id, call.run_id, call.body))
    return Done()


HANDLERS: dict[str, Handler] = {
    "datasets.register": register,
    "datasets.get": get,
    "datasets.list": list_all,
    "datasets.update": update,
    "datasets.unregister": unregister,
    "datasets.uses": uses,
    "runs.read_dataset": read_dataset,
}
