"""Models of LightGBM and XGBoost: their own files, and their boosters, as something with scikit-learn's methods."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, List, Sequence


class LightGBM:
    """A LightGBM booster. `predict` is the booster's own: probabilities for a classifier."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.n_features_in_ = booster.num_feature()
        names: List[str] = booster.feature_name()
        if not all(name == f"Column_{number}" for number, name in enumerate(names)):
            self.feature_names_in_ = names

    def predict(self, table: Any) -> Any:
        return self._booster.predict(table)


class XGBoost:
    """An XGBoost booster. `predict` is the booster's own: probabilities for a classifier."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self._matrix = importlib.import_module("xgboost").DMatrix
        self.n_features_in_ = booster.num_features()
        if booster.feature_names:
            self.feature_names_in_ = list(booster.feature_names)

    def predict(self, table: Any) -> Any:
        names = getattr(self, "feature_names_in_", None)
        return self._booster.predict(self._matrix(table, feature_names=names))


def lightgbm_file(file: Path, trusted: Sequence[str]) -> Any:  # noqa: ARG001
    """What `Booster.save_model` wrote."""
    return importlib.import_module("lightgbm").Booster(model_file=str(file))


def xgboost_file(file: Path, trusted: Sequence[str]) -> Any:  # noqa: ARG001
    """What `save_model` of a booster, or of XGBoost's scikit-learn classes, wrote."""
    xgboost = importlib.import_module("xgboost")
    booster = xgboost.Booster(model_file=str(file))
    kind = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
    name = {"classifier": "XGBClassifier", "regressor": "XGBRegressor"}.get(kind)
    if name is None:
        return booster
    model = getattr(xgboost, name)()
    model.load_model(str(file))
    return model


def of_booster(loaded: Any) -> Any:
    """A booster with the methods of a model; anything else as it is."""
    kind = type(loaded)
    if kind.__name__ == "Booster":
        adapter = {"lightgbm": LightGBM, "xgboost": XGBoost}.get(kind.__module__.partition(".")[0])
        return loaded if adapter is None else adapter(loaded)
    return loaded
