"""Services without code: which models can have one, and the environment when no run recorded one."""

from __future__ import annotations

from typing import NamedTuple

from amlet.base.errors import InvalidInput
from amlet.domain.artifact import Entry, Tree
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.model import LIGHTGBM, ONNX, SCIKITLEARN, XGBOOST, Model

SUFFIXES = (".joblib", ".pkl", ".pickle")
"""v1-behaviours 15.7."""


class Framework(NamedTuple):
    """What serves the models of a framework."""

    suffixes: tuple[str, ...]
    """Of the one file that holds the model."""
    packages: tuple[str, ...]
    """Any of them has its module; the first is taken where no run's environment is there."""


FRAMEWORKS = {
    SCIKITLEARN: Framework((*SUFFIXES, ".skops"), ("scikit-learn",)),
    ONNX: Framework((".onnx",), ("onnxruntime", "onnxruntime-gpu")),
    LIGHTGBM: Framework((*SUFFIXES, ".skops", ".txt", ".lgb", ".model"), ("lightgbm",)),
    XGBOOST: Framework(
        (*SUFFIXES, ".skops", ".json", ".ubj", ".model", ".xgb"), ("xgboost", "xgboost-cpu", "py-xgboost")
    ),
}


def check(model: Model, files: Tree, lock: Lock | None) -> None:
    """Refuse what cannot be served without code.

    Raises:
        InvalidInput: naming the reason (v1-behaviours 15.2).
    """
    framework = FRAMEWORKS.get(model.framework or "")
    if framework is None:
        raise InvalidInput(
            f"Model {model.id} has the framework {model.framework or '(none)'}: only models of "
            f"{', '.join(FRAMEWORKS)} are served without code.",
            hint="register it with its model_framework, such as Model.Framework.SCIKITLEARN, or deploy it with an "
            "entry script: InferenceConfig(entry_script='score.py').",
        )
    file = model_file(model, files)
    if lock is not None and lock.image is not None and lock.interpreter is not None:
        raise InvalidInput(
            f"Model {model.id} comes from a run in a container with packages of the image's own, which a service on "
            "this machine does not have.",
            hint=f"train it with {framework.packages[0]} listed in the environment: the service then has the same "
            "packages, without the container.",
        )
    if lock is None or lock.interpreter is not None:
        return
    missing = [] if any(lock.version_of(name) for name in framework.packages) else [framework.packages[0]]
    if file.path.endswith(".skops") and lock.version_of("skops") is None:
        missing.append("skops")
    if missing:
        raise InvalidInput(
            f"Model {model.id} comes from a run whose environment has no {' and no '.join(missing)}.",
            hint=f"add {' and '.join(missing)} to the environment that trains it, and register such a run's model.",
        )


def model_file(model: Model, files: Tree) -> Entry:
    """The one file of the model that holds it."""
    suffixes = FRAMEWORKS.get(model.framework or "", FRAMEWORKS[SCIKITLEARN]).suffixes
    chosen = [entry for entry in files.entries if entry.path.endswith(suffixes)]
    if len(chosen) != 1:
        found = ", ".join(entry.path for entry in files.entries[:10])
        raise InvalidInput(
            f"Model {model.id} has {len(chosen) or 'no'} files ending in {', '.join(suffixes)}; one is needed. "
            f"Its files: {found}.",
            hint="register the file itself: model_path='outputs/model.joblib'.",
        )
    return chosen[0]


def environment_for(model: Model) -> EnvironmentSpec:
    """What serves a model that no run of ours trained: its framework as it was registered, else today's."""
    name = model.framework or SCIKITLEARN
    package = FRAMEWORKS[name].packages[0]
    # The version of an ONNX model is that of its format.
    version = model.framework_version if name != ONNX else None
    pinned = f"{package}=={version}" if version else package
    if name == ONNX:
        return EnvironmentSpec(name="onnx-serving", pip=[pinned, "numpy"])
    more = ["scikit-learn"] if name != SCIKITLEARN else []
    if name != SCIKITLEARN or version is None or not version.startswith(("0.", "1.0")):
        more.append("skops")  # which no older scikit-learn goes with
    return EnvironmentSpec(name=f"{package}-serving", pip=[pinned, *more, "joblib", "numpy", "pandas"])


def trained_with(model: Model, lock: Lock | None) -> str | None:
    """The version of scikit-learn that trained the model: of its run's lock, else as it was registered."""
    if model.framework == ONNX:
        return None  # it holds no objects of a library
    recorded = lock.version_of("scikit-learn") if lock is not None else None
    return recorded or (model.framework_version if model.framework == SCIKITLEARN else None)
