"""Files of a model on this machine."""

from __future__ import annotations

import functools
from pathlib import Path

from amlet.base.errors import Conflict
from amlet.base.paths import inside
from amlet.client.body import Body
from amlet.client.downloads import download
from amlet.domain.model import Model
from amlet.sdk.connection import Connection
from amlet.wire.files import FileQuery


def save_files(held: Connection, model: Model, target: Path, *, replace: bool) -> list[Path]:
    """Save all files of a model below a folder.

    Raises:
        Conflict: if one is there already and `replace` is not set; nothing is saved then.
    """
    entries = held.client.models.files(held.workspace_id, model.name, model.version).entries
    places = [(entry.path, inside(target, entry.path)) for entry in entries]
    taken = [str(place) for _, place in places if place.exists()]
    if taken and not replace:
        raise Conflict(f"There already: {', '.join(taken[:10])}.", hint="add --replace, or name another folder.")
    for path, place in places:
        download(functools.partial(_part, held, model, path), place)
    return [place for _, place in places]


def _part(held: Connection, model: Model, path: str, offset: int) -> Body:
    return held.client.models.file(held.workspace_id, model.name, model.version, FileQuery(path, offset))
