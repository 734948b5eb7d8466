"""The model that a command is about."""

from __future__ import annotations

from amlet.domain.model import Model
from amlet.sdk.connection import Connection
from amlet.wire.models import ModelResolve


def find_model(held: Connection, text: str) -> Model:
    """`iris` is the latest version, `iris:2` that one, `iris@champion` the one of an alias or a stage.

    Raises:
        NotFound: with the nearest name.
    """
    return held.client.models.resolve(held.workspace_id, ModelResolve(text))
