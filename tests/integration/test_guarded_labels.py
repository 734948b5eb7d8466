"""Labels of linear classifiers share calls, and are those of each row alone, also where two classes are as good."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.replica import ENVIRONMENT, SDK

PROGRAM = """
import json, sys, warnings
import numpy as np, pandas as pd
from hypothesis import HealthCheck, given, settings, strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris, make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import *
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from amlet.runtime.scoring.exchange import Request
from amlet.runtime.scoring.model import ScoringModel
from amlet.runtime.scoring.nocode import NoCode
from amlet.runtime.scoring.rowwise import sharing_of
warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)
W, v = make_classification(300, 60, n_informative=30, n_classes=5, random_state=0)
towns = ["Brno", "Oslo", "Rome"]
people = pd.DataFrame({"age": X[:, 0] * 10, "town": [towns[i % 3] for i in range(150)], "pay": X[:, 2]})
columns = ColumnTransformer([("t", OneHotEncoder(), ["town"]), ("n", StandardScaler(), ["age", "pay"])])
ALL = {
  "logistic": (LogisticRegression(max_iter=300), X, np.array(["a", "b", "c"])[y]),
  "logistic, two classes": (LogisticRegression(), X, y > 0),
  "logistic, wide": (LogisticRegression(max_iter=300), W, v),
  "logistic, 32 bits": (LogisticRegression(max_iter=300), W.astype(np.float32), v),
  "linear SVC": (LinearSVC(), X, y),
  "SGD": (SGDClassifier(random_state=0), W, v),
  "SGD, hinge, two classes": (SGDClassifier(random_state=0), X, y > 1),
  "perceptron": (Perceptron(), X, y),
  "discriminant": (LinearDiscriminantAnalysis(), W, v),
  "naive Bayes of counts": (MultinomialNB(), X, y),
  "ridge": (RidgeClassifier(), W, v),
  "ridge, by validation": (RidgeClassifierCV(), X, y),
  "scaled ridge": (make_pipeline(StandardScaler(), RidgeClassifier()), W, v),
  "scaled perceptron, searched": (
      GridSearchCV(make_pipeline(StandardScaler(), Perceptron()), {"perceptron__penalty": ["l2"]}, cv=2), X, y),
  "columns and SVC": (make_pipeline(columns, LinearSVC()), people, y),
}
NONE = {
  "ridge, several labels": (RidgeClassifier(), X, np.array([y > 0, y > 1]).T),
  "sparse weights": (LogisticRegression().fit(X, y).sparsify(), X, None),
}

def answer(scorer, items):
    return [json.loads(one.body)["predict"] for one in scorer.answer(items)]

def held(name, estimator, data, target):
    model = ScoringModel(estimator if target is None else estimator.fit(data, target))
    sharing = sharing_of(model)
    singles = [0, 0]
    class Counting(NoCode):
        def _one(self, item):
            singles[0] += item.rows
            return super()._one(item)
    scorer = Counting(model, sharing, log=print)
    if sharing.guard is None:
        return {"name": name, "how": sharing.how, "guarded": False, "alone": sharing.alone_method}
    guard, has_names = sharing.guard, isinstance(data, pd.DataFrame)
    lists = data.values.tolist() if has_names else data.tolist()

    def read(rows):
        body = json.dumps({"data": rows, "method": "predict"}).encode()
        return scorer.read(Request("POST", "/score", "", {b"content-type": b"application/json"}, body))

    def between(row, other, turns):
        '''Rows on both sides of the line between the labels of two, as near as numbers come to it.'''
        a, b = np.array(row, float), np.array(other, float)
        of_a, of_b = (estimator.predict([one])[0] for one in (a, b))
        if of_a == of_b:
            return row, other
        low, high = 0.0, 1.0
        for _ in range(turns):
            middle = (low + high) / 2
            low, high = (middle, high) if estimator.predict([a + (b - a) * middle])[0] == of_a else (low, middle)
        return (a + (b - a) * low).tolist(), (a + (b - a) * high).tolist()

    row = st.sampled_from(lists)
    if has_names:
        row = st.tuples(st.floats(-1e6, 1e6), st.sampled_from(towns), st.floats(-1e6, 1e6)).map(list) | row
    else:
        def made_up(seed, exponent):
            return (np.random.default_rng(seed).normal(size=len(lists[0])) * 10.0**exponent).tolist()
        any_row = st.builds(made_up, st.integers(0, 2**32), st.integers(-320, 300))
        pairs = [(lists[k], lists[-1 - k * 7 % len(lists)], 40 + k) for k in range(0, 24, 2)]
        near = [one for pair in pairs for one in between(*pair)]
        row = row | any_row | st.sampled_from(near)
    counts = {"rows": 0, "alone": 0}

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))
    @given(st.lists(st.lists(row, min_size=1, max_size=3), min_size=2, max_size=24))
    def always(requests):
        groups = {}
        for rows in requests:
            item = read(rows)
            groups.setdefault(scorer.kind(item), []).append(item)
        assert None not in groups or has_names
        for kind, items in groups.items():
            singly = [label for item in items for label in answer(scorer, [item])]
            singles[0] = 0
            together = answer(scorer, items) if kind is not None else singly
            assert together == singly
            if len(items) > 1 and kind is not None:
                counts["rows"] += sum(item.rows for item in items)
                counts["alone"] += singles[0]
    always()
    usual = [read([row]) for row in lists]
    singles[0] = 0
    answer(scorer, usual)
    return {"name": name, "how": sharing.how, "guarded": True, **counts, "usual_alone": singles[0], "usual": len(usual)}

EXAMPLES = int(sys.argv[1])
for name, given_ in {**ALL, **NONE}.items():
    print(json.dumps(held(name, *given_)))
"""


def run(python: Path, examples: int) -> dict[str, dict[str, object]]:
    ended = subprocess.run(
        [str(python), "-c", PROGRAM, str(examples)],
        env={**ENVIRONMENT, "PYTHONPATH": str(SDK), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {one["name"]: one for one in map(json.loads, ended.stdout.splitlines())}


@pytest.mark.parametrize("examples", [6, pytest.param(300, marks=pytest.mark.every_fault)])
def test_a_guarded_label_is_that_of_its_row_alone(python: Path, examples: int) -> None:
    found = run(python, examples)
    unguarded = {name for name, one in found.items() if not one["guarded"]}
    assert unguarded == {"ridge, several labels", "sparse weights"}
    assert all(found[name]["alone"] == "predict" for name in unguarded if found[name]["how"])
    for name in set(found) - unguarded:
        one = found[name]
        assert one["usual_alone"] == 0, one  # rows of the model's own kind are far from any line, for a rounding
        assert one["rows"] > one["alone"], one
    assert (
        sum(int(str(found[name]["alone"])) for name in found if name not in unguarded) > 0
    )  # near ties were among them
