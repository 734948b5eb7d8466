"""Services without code: which models can have one, and the environment when no run recorded one."""

from __future__ import annotations

from amlet.base.errors import InvalidInput
from amlet.domain.artifact import Entry, Tree
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.model import SCIKITLEARN, Model

SUFFIXES = (".joblib", ".pkl", ".pickle")
"""v1-behaviours 15.7."""


def check(model: Model, files: Tree, lock: Lock | None) -> None:
    """Refuse what cannot be served without code.

    Raises:
        InvalidInput: naming the reason (v1-behaviours 15.2).
    """
    if model.framework != SCIKITLEARN:
        raise InvalidInput(
            f"Model {model.id} has the framework {model.framework or '(none)'}: only ScikitLearn models are served "
            "without code.",
            hint="register it with model_framework=Model.Framework.SCIKITLEARN if it is one.",
        )
    model_file(model, files)
    if lock is not None and lock.image is not None and lock.interpreter is not None:
        raise InvalidInput(
            f"Model {model.id} comes from a run in a container with packages of the image's own, which a service on "
            "this machine does not have.",
            hint="train it with scikit-learn listed in the environment: the service then has the same packages, "
            "without the container.",
        )
    if lock is not None and lock.interpreter is None and lock.version_of("scikit-learn") is None:
        raise InvalidInput(
            f"Model {model.id} comes from a run whose environment has no scikit-learn.",
            hint="add scikit-learn to the environment that trains it, and register the model of such a run.",
        )


def model_file(model: Model, files: Tree) -> Entry:
    """The one file of the model that holds it."""
    chosen = [entry for entry in files.entries if entry.path.endswith(SUFFIXES)]
    if len(chosen) != 1:
        found = ", ".join(entry.path for entry in files.entries[:10])
        raise InvalidInput(
            f"Model {model.id} has {len(chosen) or 'no'} files ending in {', '.join(SUFFIXES)}; one is needed. "
            f"Its files: {found}.",
            hint="register the file itself: model_path='outputs/model.joblib'.",
        )
    return chosen[0]


def environment_for(model: Model) -> EnvironmentSpec:
    """What serves a model that no run of ours trained: the scikit-learn it was registered with, else today's."""
    version = model.framework_version
    return EnvironmentSpec(
        name="scikit-learn-serving",
        pip=[f"scikit-learn=={version}" if version else "scikit-learn", "joblib", "numpy", "pandas"],
    )


def trained_with(model: Model, lock: Lock | None) -> str | None:
    """The version of scikit-learn that trained the model: of its run's lock, else as it was registered."""
    recorded = lock.version_of("scikit-learn") if lock is not None else None
    return recorded or model.framework_version
