"""Models: register, find, their files, delete."""

from __future__ import annotations

from starlette.responses import Response

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, Tree
from amlet.domain.model import Model
from amlet.operations import register as registering
from amlet.operations.edit_model import edit_model, roll_back, set_alias
from amlet.server.context import Call, Handler
from amlet.server.streams import blob_response
from amlet.store.base import ModelFilter, Transaction
from amlet.wire.models import Aliases, History, Models, RegisterAnswer
from amlet.wire.routes import RUN
from amlet.wire.server import Done


async def register(call: Call) -> RegisterAnswer:
    asked = call.body._replace(by=_who(call, call.body.by))
    return await call.parts.write(lambda tx: registering.register(tx, call.workspace_id, asked, call.parts.now()))


async def list_all(call: Call) -> Models:
    chosen = ModelFilter(**call.query._asdict())
    return Models(await call.parts.read(lambda tx: tx.models.list(call.workspace_id, chosen)))


async def get(call: Call) -> Model:
    return await call.parts.read(lambda tx: _find(tx, call))


async def files(call: Call) -> Tree:
    return await call.parts.read(lambda tx: tx.trees.get(_find(tx, call).tree_id))


async def file(call: Call) -> Response:
    def look(tx: Transaction) -> BlobLocation:
        model = _find(tx, call)
        for entry in tx.trees.get(model.tree_id).entries:
            if entry.path == call.query.path:
                return tx.blobs.locate([entry.sha256])[entry.sha256]
        raise NotFound(f"Model {model.id} has no file {call.query.path[:200]!r}.")

    return await blob_response(call.parts, await call.parts.read(look), offset=max(0, call.query.offset))


async def edit(call: Call) -> Model:
    asked = call.body._replace(by=_who(call, call.body.by))
    name, version = call.path["name"], _version(call)
    return await call.parts.write(lambda tx: edit_model(tx, call.workspace_id, name, version, asked, call.parts.now()))


async def resolve(call: Call) -> Model:
    text = call.query.reference
    if "@" in text or ":" in text:
        return await call.parts.read(lambda tx: registering.model_of_id(tx, call.workspace_id, text))
    return await call.parts.read(lambda tx: registering.find_model(tx, call.workspace_id, text, None))


async def aliases(call: Call) -> Aliases:
    def look(tx: Transaction) -> Aliases:
        registering.find_model(tx, call.workspace_id, call.path["name"], None)
        return Aliases(tx.models.aliases(call.workspace_id, call.path["name"]))

    return await call.parts.read(look)


async def alias(call: Call) -> Aliases:
    asked, name = call.body._replace(by=_who(call, call.body.by)), call.path["name"]
    found = await call.parts.write(lambda tx: set_alias(tx, call.workspace_id, name, asked, call.parts.now()))
    return Aliases(found)


async def rollback(call: Call) -> Aliases:
    asked, name = call.body, call.path["name"]
    found = await call.parts.write(lambda tx: roll_back(tx, call.workspace_id, name, asked, call.parts.now()))
    return Aliases(found)


async def history(call: Call) -> History:
    return History(await call.parts.read(lambda tx: tx.models.history(call.workspace_id, call.path["name"])))


async def delete(call: Call) -> Done:
    name, version, by = call.path["name"], _version(call), call.query.by
    await call.parts.write(
        lambda tx: registering.unregister(tx, call.workspace_id, name, version, by, call.parts.now())
    )
    return Done()


def _who(call: Call, told: str) -> str:
    """A run is known by its token; users are who their machine says they are: they share one token."""
    return f"run {call.principal.run_id}" if call.principal.kind == RUN else told


def _find(tx: Transaction, call: Call) -> Model:
    return registering.find_model(tx, call.workspace_id, call.path["name"], _version(call))


def _version(call: Call) -> int:
    text = call.path["version"]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput(f"{text[:50]!r} is not a version of a model: versions are 1, 2, ...")
    return int(text)


HANDLERS: dict[str, Handler] = {
    "models.register": register,
    "models.list": list_all,
    "models.get": get,
    "models.files": files,
    "models.file": file,
    "models.delete": delete,
    "models.edit": edit,
    "models.resolve": resolve,
    "models.aliases": aliases,
    "models.set_alias": alias,
    "models.rollback": rollback,
    "models.history": history,
}
