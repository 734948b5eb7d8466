"""Each kind of model in its class: what is answered together is what is answered alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.replica import ENVIRONMENT, SDK

MODELS = """
import json, sys, warnings
from collections import defaultdict
import numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import *
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import *
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from amlet.runtime.scoring.exchange import Request
from amlet.runtime.scoring.model import ScoringModel
from amlet.runtime.scoring.nocode import NoCode
from amlet.runtime.scoring.rowwise import sharing_of
warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)
names = np.array(["setosa", "versicolor", "virginica"])[y]
seeded = np.random.default_rng(1)
# Many rows on and near the lines between classes: there a rounding could show.
asked = np.vstack([X[::10], seeded.normal(X.mean(0), X.std(0), (15, 4)).round(1), (X[:75:5] + X[75::5]) / 2]).tolist()
towns = ["Brno", "Oslo", "Rome"]
people = pd.DataFrame({"age": X[:, 0] * 10, "town": [towns[i % 3] for i in range(150)], "pay": X[:, 2]})
of_people = [list(row) for row in people.itertuples(index=False)][::5]
towns_known = OneHotEncoder(handle_unknown="ignore")
columns = ColumnTransformer([("t", towns_known, ["town"]), ("n", StandardScaler(), ["age", "pay"])])
centred = FunctionTransformer(lambda a: a - a.mean())
texts = [f"word{i % 7} day{i % 3} x{i % 5}" for i in range(30)]
few = dict(n_estimators=5, random_state=0)
ALL = {
  "SVC": (SVC(probability=True, random_state=0), names, asked),
  "SVR": (SVR(), X[:, 3], asked),
  "tree": (DecisionTreeClassifier(random_state=0), y, asked),
  "tree, regressor": (DecisionTreeRegressor(random_state=0), X[:, 3], asked),
  "forest": (RandomForestClassifier(**few), names, asked),
  "forest, two outputs": (RandomForestRegressor(**few), X[:, 2:], asked),
  "extra trees": (ExtraTreesClassifier(**few), y, asked),
  "boosting": (GradientBoostingClassifier(**few), y, asked),
  "histogram boosting": (HistGradientBoostingClassifier(max_iter=5, random_state=0), y, asked),
  "isolation forest": (IsolationForest(**few), None, asked),
  "bagging of trees": (BaggingClassifier(DecisionTreeClassifier(), n_estimators=5, random_state=0), y, asked),
  "neighbours by a tree": (KNeighborsClassifier(), names, asked),
  "neighbours' mean": (KNeighborsRegressor(weights="distance"), X[:, 3], asked),
  "neighbours by distance of all": (KNeighborsClassifier(algorithm="brute"), y, asked),
  "scaled SVC": (make_pipeline(StandardScaler(), SVC()), y, asked),
  "search of a forest": (GridSearchCV(RandomForestClassifier(**few), {"max_depth": [3]}, cv=2), y, asked),
  "logistic": (LogisticRegression(max_iter=500), names, asked),
  "linear": (LinearRegression(), X[:, 3], asked),
  "ridge, classifier": (RidgeClassifier(), y, asked),
  "linear SVC": (LinearSVC(), y, asked),
  "discriminant": (LinearDiscriminantAnalysis(), y, asked),
  "naive Bayes": (GaussianNB(), y, asked),
  "network": (MLPClassifier(max_iter=100, random_state=0), y, asked),
  "scaled logistic": (make_pipeline(StandardScaler(), LogisticRegression()), y, asked),
  "PCA and logistic": (make_pipeline(PCA(2), LogisticRegression()), y, asked),
  "PCA and a tree": (make_pipeline(PCA(2), DecisionTreeClassifier()), y, asked),
  "a function and a tree": (make_pipeline(centred, DecisionTreeClassifier()), y, asked),
  "columns and a forest": (make_pipeline(columns, RandomForestClassifier(**few)), y, of_people),
  "columns and logistic": (make_pipeline(columns, LogisticRegression()), names, of_people),
  "texts": (make_pipeline(TfidfVectorizer(), MultinomialNB()), [i % 3 for i in range(30)], texts),
}
CHOSEN = sys.argv[1:]
for name in CHOSEN or ALL:
    estimator, target, rows = ALL[name]
    data = people if rows is of_people else texts if rows is texts else X
    model = ScoringModel(estimator.fit(data, target))
    sharing = sharing_of(model)
    scorer = NoCode(model, sharing, log=lambda line: print(line, file=sys.stderr))
    def request(row, method):
        body = json.dumps({"data": [row], "method": method}).encode()
        return scorer.read(Request("POST", "/score", "", {b"content-type": b"application/json"}, body))
    alike, shared, largest = {}, [], 0.0
    for method in model.methods:
        # As the dispatcher does it: what is of one kind is answered together.
        groups = defaultdict(list)
        for number, row in enumerate(rows):
            item = request(row, method)
            groups[scorer.kind(item) or number].append(item)
        if len(groups) < len(rows):
            shared.append(method)
        same = True
        for items in groups.values():
            singly = [json.loads(scorer.answer([item])[0].body) for item in items]
            assert all(method in one for one in singly), singly[0]
            for size in (3, len(items)):
                together = []
                for start in range(0, len(items), size):
                    together += [json.loads(one.body) for one in scorer.answer(items[start:start + size])]
                same = same and together == singly
                if together != singly:
                    a = np.array([one[method] for one in together])
                    b = np.array([one[method] for one in singly])
                    largest = max(largest, float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b)))))
        alike[method] = same
    print(json.dumps({"name": name, "how": sharing.how, "why_not": sharing.why_not, "shared": shared, "alike": alike,
                      "largest": largest}))
"""

EXACT = {
    "SVC",
    "SVR",
    "tree",
    "tree, regressor",
    "forest",
    "forest, two outputs",
    "extra trees",
    "boosting",
    "histogram boosting",
    "isolation forest",
    "bagging of trees",
    "neighbours by a tree",
    "neighbours' mean",
    "scaled SVC",
    "search of a forest",
    "columns and a forest",
}
ROUNDED = {
    "logistic",
    "linear",
    "ridge, classifier",
    "linear SVC",
    "discriminant",
    "naive Bayes",
    "network",
    "scaled logistic",
    "PCA and logistic",
    "columns and logistic",
    "texts",
}
GUARDED = {
    "logistic",
    "ridge, classifier",
    "linear SVC",
    "discriminant",
    "scaled logistic",
    "columns and logistic",
    "texts",
}
ALONE = {
    "neighbours by distance of all": "sklearn.neighbors.KNeighborsClassifier is not known",
    "PCA and a tree": "sklearn.tree.DecisionTreeClassifier after a step with rounding is not known",
    "a function and a tree": "sklearn.preprocessing.FunctionTransformer is not known",
}


@pytest.fixture(scope="module")
def found(python: Path) -> dict[str, Any]:
    ended = subprocess.run(
        [str(python), "-c", MODELS],
        env={**ENVIRONMENT, "PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {one["name"]: one for one in map(json.loads, ended.stdout.splitlines())}


def test_every_kind_has_its_class(found: dict[str, Any]) -> None:
    classes = {name: one["how"] for name, one in found.items()}
    expected = {**dict.fromkeys(EXACT, "to the last bit"), **dict.fromkeys(ROUNDED, "within rounding")}
    assert classes == {**expected, **dict.fromkeys(ALONE)}
    for name, why in ALONE.items():
        assert found[name]["why_not"].startswith(why)
        assert found[name]["shared"] == []


def test_row_by_row_arithmetic_is_shared_and_equal_to_the_last_bit(found: dict[str, Any]) -> None:
    for name in EXACT:
        assert found[name]["shared"] == list(found[name]["alike"])
        assert all(found[name]["alike"].values()), name


def test_matrix_products_are_shared_within_rounding_and_labels_are_always_equal(found: dict[str, Any]) -> None:
    for name in ROUNDED:
        assert found[name]["shared"], name
        assert found[name]["largest"] < 1e-12, name
        if name in GUARDED:
            assert "predict" in found[name]["shared"]
            assert found[name]["alike"]["predict"], name
        elif name != "linear":
            assert "predict" not in found[name]["shared"]
            assert found[name]["alike"]["predict"], name
