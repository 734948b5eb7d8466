"""Requests and answers about models."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.model import Alias, DatasetUse, Event, Model, Resources


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
    datasets: List[DatasetUse] = []
    sample_input: Optional[str] = None
    sample_output: Optional[str] = None
    """Ids of datasets."""
    parent_id: Optional[str] = None
    """The version that it was made from, `iris:3`."""
    by: str = ""
    """Who asks, as the client knows them."""


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
    dataset_id: Optional[str] = None
    """Only those made with it."""


class Models(NamedTuple):
    models: List[Model]


class EditModel(NamedTuple):
    """Change what is said of a version. What is None stays as it is."""

    tags: Optional[Dict[str, Optional[str]]] = None
    """In place of all that there are."""
    add_tags: Dict[str, Optional[str]] = {}
    remove_tags: List[str] = []
    add_properties: Dict[str, str] = {}
    """New keys only: a property that is there never changes."""
    description: Optional[str] = None
    resources: Optional[Resources] = None
    sample_input: Optional[str] = None
    sample_output: Optional[str] = None
    add_datasets: List[DatasetUse] = []
    stage: Optional[str] = None
    """An empty text takes it away."""
    by: str = ""
    why: Optional[str] = None


class SetAlias(NamedTuple):
    """Let an alias stand for a version, or for none."""

    alias: str
    version: Optional[int] = None
    by: str = ""
    why: Optional[str] = None


class Rollback(NamedTuple):
    """Let an alias stand for the version that it stood for before."""

    alias: str
    by: str = ""
    why: Optional[str] = None


class ModelResolve(NamedTuple):
    """`iris`, `iris:2`, `iris@champion`."""

    reference: str


class DeleteQuery(NamedTuple):
    by: str = ""


class Aliases(NamedTuple):
    aliases: List[Alias]


class History(NamedTuple):
    """What became of a model's versions and aliases, newest first."""

    events: List[Event]
