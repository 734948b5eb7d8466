"""Models: registered, versioned files of a trained model."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, NamedTuple, Optional

CUSTOM = "Custom"
TENSORFLOW = "TensorFlow"
SCIKITLEARN = "ScikitLearn"
ONNX = "Onnx"
TFKERAS = "TfKeras"
PYTORCH = "PyTorch"
MULTI = "Multi"

FRAMEWORKS = (CUSTOM, TENSORFLOW, SCIKITLEARN, ONNX, TFKERAS, PYTORCH, MULTI)
"""v1-behaviours 14.9."""


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

    @property
    def id(self) -> str:
        return f"{self.name}:{self.version}"
