"""What the pages of models show: a workspace's models, and of one its versions, lineage, files, uses and history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from amlet.base.errors import NotFound, StorageFailed
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.model import FRAMEWORKS, Alias, Model
from amlet.operations.datasets import find as find_dataset
from amlet.operations.register import find_model
from amlet.server.context import Parts
from amlet.server.studio.cursors import count_of
from amlet.server.studio.run_files import FileRow
from amlet.serving.nocode import SUFFIXES
from amlet.serving.pickles import Imports
from amlet.store.base import ModelFilter, ModelSearch, Transaction
from amlet.wire import pages

PAGE_MODELS = 50
VERSIONS_LIMIT = 200
HISTORY_LIMIT = 200
FILES_LIMIT = 500
PICKLES_LIMIT = 5
VERSION_LIMIT = 10**9 - 1
TEXT_LIMIT = 1_000


class ModelRow(NamedTuple):
    """A version of a model in a list."""

    model: Model
    href: str
    run: str
    """The path of the run that made it; empty without one."""
    aliases: list[Alias]


class Link(NamedTuple):
    """A line of a lineage: what it is, and where it leads, if anywhere."""

    title: str
    text: str
    href: str


class Pickle(NamedTuple):
    path: str
    imports: Imports


class Versions(NamedTuple):
    """The versions of a model, newest first, and how many more there are."""

    rows: list[ModelRow]
    left: int


def list_values(tx: Transaction, workspace_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of a workspace's models.

    Raises:
        InvalidInput: for a cursor that is not ours.
        NotFound: there is no such workspace.
    """
    text, framework = query.get("search", "").strip()[:TEXT_LIMIT], query.get("framework") or None
    before = count_of(query, "before") or None
    found, following = tx.models.page(workspace_id, ModelSearch(text, framework, PAGE_MODELS, before))
    here = pages.models_page(workspace_id)
    asked = {name: value for name, value in (("search", text), ("framework", framework)) if value}

    def address(**more: Any) -> str:
        told = urlencode({**asked, **more}, errors="replace")
        return f"{here}?{told}" if told else here

    return {
        "workspace": tx.workspaces.get(workspace_id),
        "rows": [_row(model, tx.models.aliases(workspace_id, model.name)) for model in found],
        "here": here,
        "search": text,
        "framework": framework,
        "frameworks": FRAMEWORKS,
        "older": address(before=following) if following is not None else None,
        "newest": address() if before is not None else None,
    }


def model_values(parts: Parts, workspace_id: str, name: str, version: int | None) -> dict[str, Any]:
    """All of a model's page. Blocks: what its pickles would import is looked for by a process of its own.

    Raises:
        NotFound: there is no such model or version.
    """

    def look(tx: Transaction) -> tuple[dict[str, Any], list[tuple[Entry, BlobLocation]]]:
        workspace = tx.workspaces.get(workspace_id)
        if version is not None and version > VERSION_LIMIT:
            raise NotFound(f"Model {name[:300]} has no version {version}.")
        model = find_model(tx, workspace_id, name, version)
        entries = tx.trees.get(model.tree_id).entries
        pickles = [entry for entry in entries if entry.path.lower().endswith(SUFFIXES)][:PICKLES_LIMIT]
        places = tx.blobs.locate([entry.sha256 for entry in pickles])
        aliases = tx.models.aliases(workspace_id, name)
        history = tx.models.history(workspace_id, name)
        told = {
            "workspace": workspace,
            "model": model,
            "aliases": [held.alias for held in aliases if held.version == model.version],
            "lineage": _lineage(tx, model),
            "versions": _versions(tx, model, aliases),
            "services": _services(tx, model),
            "files": [FileRow(entry.path, entry.size_bytes, _file(model, entry)) for entry in entries[:FILES_LIMIT]],
            "files_left": max(0, len(entries) - FILES_LIMIT),
            "history": history[:HISTORY_LIMIT],
            "history_left": max(0, len(history) - HISTORY_LIMIT),
            "api": _api(model),
        }
        return told, [(entry, places[entry.sha256]) for entry in pickles if entry.sha256 in places]

    values, pickles = parts.records.read(look)
    found = [Pickle(entry.path, _imports(parts, entry, place)) for entry, place in pickles]
    return {**values, "pickles": found}


def _imports(parts: Parts, entry: Entry, place: BlobLocation) -> Imports:
    try:
        return parts.inspections.look(entry.sha256, entry.size_bytes, lambda: parts.blobs.open(place))
    except StorageFailed as error:
        return Imports([], [], error.message)


def _row(model: Model, aliases: list[Alias]) -> ModelRow:
    has_run = model.run_id is not None and model.experiment is not None
    run = pages.run_page(model.workspace_id, model.experiment or "", model.run_id or "") if has_run else ""
    return ModelRow(model, pages.model_page(model.workspace_id, model.name, model.version), run, aliases)


def _versions(tx: Transaction, model: Model, aliases: list[Alias]) -> Versions:
    found = tx.models.list(model.workspace_id, ModelFilter(name=model.name))
    found.sort(key=lambda held: held.version, reverse=True)
    rows = [_row(held, [one for one in aliases if one.version == held.version]) for held in found[:VERSIONS_LIMIT]]
    return Versions(rows, max(0, len(found) - VERSIONS_LIMIT))


def _lineage(tx: Transaction, model: Model) -> list[Link]:
    found = []
    run = _row(model, []).run
    if model.run_id is not None:
        found.append(Link("Run", model.run_id, run))
    if model.snapshot_id is not None:
        found.append(Link("Snapshot", model.snapshot_id, f"{run}#sources" if run else ""))
    if model.lock_id is not None:
        found.append(Link("Packages", _lock(tx, model.lock_id), f"{run}#details" if run else ""))
    uses = [(use.purpose, use.id) for use in model.datasets]
    uses += [("sample input", model.sample_input or ""), ("sample output", model.sample_output or "")]
    found += [_dataset(tx, model.workspace_id, purpose, given) for purpose, given in uses if given]
    if model.parent_id is not None:
        name, _, version = model.parent_id.rpartition(":")
        parent = tx.models.find(model.workspace_id, name, int(version)) if version.isdigit() else None
        found.append(Link("Made from", model.parent_id, _row(parent, []).href if parent is not None else ""))
    return found


def _lock(tx: Transaction, lock_id: str) -> str:
    lock = tx.locks.get(lock_id)
    if lock is None:
        return lock_id
    if lock.interpreter:
        return f"as they are in {lock.interpreter}"
    return f"Python {lock.python}, {len(lock.packages)} packages"


def _dataset(tx: Transaction, workspace_id: str, purpose: str, dataset_id: str) -> Link:
    title = f"Data, {purpose}"
    try:
        record = find_dataset(tx, workspace_id, dataset_id)
    except NotFound:  # it was unregistered, or is the id of another workspace's
        return Link(title, dataset_id, "")
    text = f"{record.name}:{record.version}" if record.name is not None else f"dataset {record.id}"
    return Link(title, text, pages.dataset_page(workspace_id, record.id))


def _services(tx: Transaction, model: Model) -> list[Link]:
    """Services that answer by it now, or did so last and still may."""
    found = []
    for record in tx.services.list(model.workspace_id):
        service, earlier = record.service, record.earlier
        is_used = model.id in service.model_ids
        if is_used or (earlier is not None and model.id in earlier.deployment.model_ids):
            text = f"{service.name}, version {service.version}" if service.version else service.name
            state = service.state if is_used else "until its next revision answers"
            found.append(Link(state, text, pages.service_page(model.workspace_id, service.name)))
    return found


def _api(model: Model) -> str:
    """The API's path of the model."""
    parts = (model.workspace_id, "models", model.name, str(model.version))
    return "/api/workspaces/" + "/".join(quote(part, safe="") for part in parts)


def _file(model: Model, entry: Entry) -> str:
    return f"{_api(model)}/file?{urlencode({'path': entry.path}, errors='replace')}"
