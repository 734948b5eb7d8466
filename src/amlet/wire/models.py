"""Requests and answers about models."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.model import Model, Resources


class RegisterModel(NamedTuple):
    """Make the next version of a model, from files of a run or from files that the client sends."""

    name: str
    run_id: Optional[str] = None
    path: Optional[str] = None
    """With run_id: a file of the run, or the folder of several."""
    entries: Optional[List[Entry]] = None
    """Without run_id: the model's own files."""
    framework: Optional[str] = None
    framework_version: Optional[str] = None
    description: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}
    properties: Dict[str, str] = {}
    resources: Optional[Resources] = None
    request_id: str = ""
    """Chosen by the client: the same request sent twice makes one version."""


class RegisterAnswer(NamedTuple):
    """The model; or the blobs to send first, and then nothing was recorded."""

    model: Optional[Model]
    missing: List[str]
    notes: List[str] = []
    """What the user should know: a version that is not the one trained with."""


class ModelQuery(NamedTuple):
    """Models, newest first."""

    name: Optional[str] = None
    version: Optional[int] = None
    run_id: Optional[str] = None
    framework: Optional[str] = None
    latest: bool = False


class Models(NamedTuple):
    models: List[Model]
