"""Models: registered, versioned files of a trained model."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, NamedTuple, Optional

CUSTOM = "Custom"
TENSORFLOW = "TensorFlow"
SCIKITLEARN = "ScikitLearn"
ONNX = "Onnx"
TFKERAS = "TfKeras"
PYTORCH = "PyTorch"
MULTI = "Multi"
LIGHTGBM = "LightGBM"
XGBOOST = "XGBoost"

FRAMEWORKS = (CUSTOM, TENSORFLOW, SCIKITLEARN, ONNX, TFKERAS, PYTORCH, MULTI, LIGHTGBM, XGBOOST)
"""v1-behaviours 14.9; the last two are amlet's own."""


STAGES = ("Staging", "Production", "Archived")
"""How far a version has come, in words that other registries have too; None is none of them."""

REGISTERED, ALIASED, UNALIASED, STAGED, EDITED, DELETED = (
    "registered",
    "alias set",
    "alias removed",
    "stage",
    "edited",
    "deleted",
)
"""What an event of the history tells of."""


class DatasetUse(NamedTuple):
    """A dataset that a model was made with, and what for: `training`."""

    purpose: str
    id: str


class Alias(NamedTuple):
    """A name that stands for one version of a model: `champion`."""

    alias: str
    version: int


class Event(NamedTuple):
    """One line of a model's history, which is only ever added to."""

    when: datetime
    what: str
    version: Optional[int]
    detail: str
    """The alias, the stage or the fields that changed."""
    by: str
    """A user, as the machine that asked knows them; or `run <id>`."""
    why: Optional[str]
    before: Optional[int] = None
    """Of an alias: the version that it stood for."""


class Resources(NamedTuple):
    """What a service of the model asks for, per replica; None leaves it to the machine."""

    cpu: Optional[float] = None
    memory_gb: Optional[float] = None
    gpu: Optional[int] = None


class Model(NamedTuple):
    """One version of a registered model."""

    workspace_id: str
    name: str
    version: int
    tree_id: str
    """Its files, with paths relative to the folder that a service sees: `model.joblib`."""
    framework: Optional[str]
    framework_version: Optional[str]
    """As the user said; what really trained it is in the lock."""
    run_id: Optional[str]
    experiment: Optional[str]
    lock_id: Optional[str]
    """The lock of the run that made it, which serves it too."""
    description: Optional[str]
    tags: Dict[str, Optional[str]]
    properties: Dict[str, str]
    resources: Optional[Resources]
    size_bytes: int
    created: datetime
    created_by: str = ""
    """A user, as the machine that registered it knows them; or `run <id>`."""
    snapshot_id: Optional[str] = None
    """The sources of the run that made it."""
    parent_id: Optional[str] = None
    """The version that it was made from, `iris:3`."""
    datasets: List[DatasetUse] = []
    sample_input: Optional[str] = None
    """The id of a dataset of rows that it takes."""
    sample_output: Optional[str] = None
    stage: Optional[str] = None

    @property
    def id(self) -> str:
        return f"{self.name}:{self.version}"
