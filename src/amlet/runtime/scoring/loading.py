"""A model's file becomes something to call: by the ending of its name, in the model's own environment."""

from __future__ import annotations

import importlib
import traceback
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

from amlet.runtime.scoring.boosters import lightgbm_file, of_booster, xgboost_file
from amlet.runtime.scoring.model import ModelNotLoaded, ScoringModel
from amlet.runtime.scoring.onnx_model import onnx_file

Loader = Callable[[Path, Sequence[str]], Any]

_PACKAGES = {"sklearn": "scikit-learn", "yaml": "pyyaml", "cv2": "opencv-python", "PIL": "pillow"}
"""Where a module's package is called otherwise."""

_OF_TREES = ("sklearn.tree._tree.Tree",)
"""What every tree and forest needs. It runs no code of the file's; a broken one may end this process, which is made to
be started again."""


def load(
    path: Path, *, framework: Optional[str] = None, trusted: Sequence[str] = (), method: Optional[str] = None
) -> ScoringModel:
    """Load a model's file, or the one in a folder.

    Args:
        framework: What it was registered as: tells whose a `.txt`, `.json` or `.model` file is.
        trusted: Types that a `.skops` file may make beside those that skops trusts.
        method: What a request calls that names none.

    Raises:
        ModelNotLoaded: if there is none, or it does not load, or has nothing to call.
    """
    loaders = _loaders(framework)
    file = _file_in(path, loaders)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            loaded = of_booster(loaders.get(file.suffix, _pickled)(file, trusted))
        except ModelNotLoaded:
            raise
        except ImportError as error:
            raise ModelNotLoaded(_missing(file, error), traceback.format_exc()) from error
        except Exception as error:  # a pickle may raise anything
            raise ModelNotLoaded(_why(file, error), traceback.format_exc()) from error
    notes = tuple(dict.fromkeys(str(item.message).strip() for item in caught if _is_of_versions(item)))
    return ScoringModel(loaded, method=method, notes=notes)


def check_version(trained_with: Optional[str]) -> None:
    """
    Raises:
        ModelNotLoaded: if another version of scikit-learn trained the model than the one that is here.
    """
    if trained_with is None:
        return
    try:
        found = importlib.import_module("sklearn").__version__
    except ImportError:
        return  # what needs it says so itself
    if trained_with != found:
        raise ModelNotLoaded(
            f"scikit-learn {trained_with} trained the model, and {found} would serve it: their answers may differ."
        )


def _loaders(framework: Optional[str]) -> Dict[str, Loader]:
    """By ending. A framework's own endings count when the model was registered as of it."""
    found: Dict[str, Loader] = {
        ".joblib": _pickled,
        ".pkl": _pickled,
        ".pickle": _pickled,
        ".skops": _skops,
        ".onnx": onnx_file,
    }
    name = (framework or "").lower()
    if name == "lightgbm":
        found.update({".txt": lightgbm_file, ".lgb": lightgbm_file, ".model": lightgbm_file})
    if name == "xgboost":
        found.update({".json": xgboost_file, ".ubj": xgboost_file, ".model": xgboost_file, ".xgb": xgboost_file})
    return found


def _file_in(path: Path, loaders: Dict[str, Loader]) -> Path:
    if not path.is_dir():
        if not path.exists():
            raise ModelNotLoaded(f"There is no file {path.name} in the model.")
        return path
    files = sorted(item for item in path.rglob("*") if item.is_file())
    fitting = [item for item in files if item.suffix in loaders]
    if len(fitting) != 1:
        held = ", ".join(str(item.relative_to(path)) for item in files[:10]) or "nothing"
        raise ModelNotLoaded(
            f"A model without an entry script must be one file that ends in {', '.join(loaders)}; "
            f"this one holds {held}."
        )
    return fitting[0]


def _pickled(file: Path, trusted: Sequence[str]) -> Any:  # noqa: ARG001
    try:
        joblib = importlib.import_module("joblib")
    except ImportError:
        pickle = importlib.import_module("pickle")
        with file.open("rb") as stream:
            return pickle.load(stream)  # this process is made for it: the model's own build, no credentials
    return joblib.load(str(file))  # reads plain pickles as well


def _skops(file: Path, trusted: Sequence[str]) -> Any:
    skops = importlib.import_module("skops.io")
    # The list of what is trusted comes from whoever deploys, never from the file.
    asked = set(skops.get_untrusted_types(file=str(file)))
    others = sorted(asked.difference(trusted, _OF_TREES))
    if others:
        raise ModelNotLoaded(
            f"{file.name} would make objects of types that are not trusted: {', '.join(others)}. "
            "Name those that you trust in the deployment."
        )
    return skops.load(str(file), trusted=sorted(asked))


def _missing(file: Path, error: ImportError) -> str:
    module = (error.name or str(error)).partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or module in ("", "__main__"):
        return _why(file, error)
    package = _PACKAGES.get(module, module)
    return (
        f"{file.name} needs the module {error.name}, which the model's environment does not have: "
        f"add `- {package}` to the pip packages of its conda file, or a folder with the module to the model."
    )


def _why(file: Path, error: Exception) -> str:
    reason = f"{file.name} could not be loaded: {type(error).__name__}: {str(error).strip() or 'no message'}"
    if isinstance(error, AttributeError) and "__main__" in str(error):
        return f"{reason.rstrip('.')}; a class of the training script's own must come from a module beside the model."
    return reason if reason.endswith(".") else reason + "."


def _is_of_versions(item: warnings.WarningMessage) -> bool:
    # scikit-learn before 1.3 had no class of its own for it.
    return item.category.__name__ == "InconsistentVersionWarning" or "unpickle estimator" in str(item.message)
