"""Which models answer many rows as they answer each alone: to the last bit, within rounding, or not in one call."""

from __future__ import annotations

import importlib
import time
import warnings
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from amlet.runtime.scoring.guard import LabelGuard, Scores, unpacked
from amlet.runtime.scoring.made_up_rows import made_up_rows
from amlet.runtime.scoring.model import Named, ScoringModel

EXACT = "to the last bit"
"""Arithmetic is row by row: the same operations in the same order, however many rows there are."""
ROUNDING = "within rounding"
"""A matrix product, whose sums are made in an order that depends on the number of rows. The function is continuous, so
that a rounding stays one; but it can turn a label where two are as good, so that a label shares a call only where a
guard says that none can have turned it."""

TOLERANCE = 1e-9
"""How far results of one call and of many may differ, relative to 1 or to the larger one; far above any rounding."""
TWIN_TOLERANCE = 1e-5
"""The same for a twin, which computes in 32 bits."""

CHECK_S = 0.3
"""What the comparison of a method at the start may take: a large forest has fewer rows compared."""
LEAST_ROWS = 4


def _named(*modules: Tuple[str, str]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module, names in modules for name in names.split())


_EXACT_MODELS = _named(
    ("sklearn.svm", "SVC NuSVC SVR NuSVR OneClassSVM"),
    ("sklearn.tree", "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor"),
    ("sklearn.ensemble", "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor"),
    ("sklearn.ensemble", "GradientBoostingClassifier GradientBoostingRegressor"),
    ("sklearn.ensemble", "HistGradientBoostingClassifier HistGradientBoostingRegressor IsolationForest"),
    ("lightgbm.sklearn", "LGBMClassifier LGBMRegressor LGBMRanker"),
    ("xgboost.sklearn", "XGBClassifier XGBRegressor XGBRFClassifier XGBRFRegressor"),
    ("amlet.runtime", "LightGBM XGBoost"),
)
_NEIGHBOURS = _named(("sklearn.neighbors", "KNeighborsClassifier KNeighborsRegressor"))
_MEMBERS = _named(
    ("sklearn.ensemble", "BaggingClassifier BaggingRegressor AdaBoostClassifier AdaBoostRegressor"),
    ("sklearn.ensemble", "VotingClassifier VotingRegressor"),
)
_ROUNDED_MODELS = _named(
    ("sklearn.linear_model", "LinearRegression Ridge RidgeCV Lasso LassoCV LassoLars ElasticNet ElasticNetCV Lars"),
    ("sklearn.linear_model", "BayesianRidge ARDRegression HuberRegressor TheilSenRegressor QuantileRegressor"),
    ("sklearn.linear_model", "SGDRegressor PassiveAggressiveRegressor PoissonRegressor GammaRegressor"),
    ("sklearn.linear_model", "TweedieRegressor LogisticRegression LogisticRegressionCV RidgeClassifier"),
    ("sklearn.linear_model", "RidgeClassifierCV SGDClassifier PassiveAggressiveClassifier Perceptron"),
    ("sklearn.svm", "LinearSVC LinearSVR"),
    ("sklearn.naive_bayes", "GaussianNB MultinomialNB ComplementNB BernoulliNB"),
    ("sklearn.neural_network", "MLPClassifier MLPRegressor"),
    ("sklearn.discriminant_analysis", "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis"),
    ("sklearn.kernel_ridge", "KernelRidge"),
    ("sklearn.gaussian_process", "GaussianProcessRegressor"),
    ("sklearn.cross_decomposition", "PLSRegression"),
    ("amlet.runtime", "OnnxModel"),
)
_LINEAR_CLASSIFIERS = {
    **dict.fromkeys(
        _named(
            ("sklearn.linear_model", "LogisticRegression LogisticRegressionCV SGDClassifier Perceptron"),
            ("sklearn.linear_model", "RidgeClassifier RidgeClassifierCV PassiveAggressiveClassifier"),
            ("sklearn.svm", "LinearSVC"),
            ("sklearn.discriminant_analysis", "LinearDiscriminantAnalysis"),
        ),
        Scores(),
    ),
    # Its public method for them came with scikit-learn 1.2.
    "sklearn.naive_bayes.MultinomialNB": Scores("_joint_log_likelihood", "feature_log_prob_", "class_log_prior_"),
}
"""Their label is the class of the largest of some sums of products."""
_CONTINUOUS_EXACT = _named(
    ("sklearn.preprocessing", "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler PolynomialFeatures Normalizer"),
    ("sklearn.feature_selection", "VarianceThreshold SelectKBest SelectPercentile SelectFromModel RFE"),
)
_EXACT_STEPS = _CONTINUOUS_EXACT | _named(
    ("sklearn.preprocessing", "OneHotEncoder OrdinalEncoder Binarizer KBinsDiscretizer"),
    ("sklearn.impute", "SimpleImputer MissingIndicator"),
    ("sklearn.feature_extraction", "CountVectorizer TfidfVectorizer TfidfTransformer HashingVectorizer DictVectorizer"),
)
_ROUNDED_STEPS = _named(
    ("sklearn.decomposition", "PCA TruncatedSVD KernelPCA FactorAnalysis FastICA NMF"),
    ("sklearn.preprocessing", "PowerTransformer QuantileTransformer SplineTransformer"),
    ("sklearn.discriminant_analysis", "LinearDiscriminantAnalysis"),
)
_SEARCHES = _named(("sklearn.model_selection", "GridSearchCV RandomizedSearchCV"))
_CONTINUOUS_MODELS = _ROUNDED_MODELS | _named(("sklearn.svm", "SVR NuSVR"))
"""What may follow a rounded step: a tree or the nearest neighbours would make a jump of a rounding."""


class _Unknown(Exception):
    """Names the part that is not known to answer row by row."""


class Sharing(NamedTuple):
    """How a model's requests may share calls."""

    how: Optional[str]
    """EXACT, ROUNDING; None: not at all."""
    why_not: Optional[str] = None
    largest: float = 0.0
    """The largest difference found at the start."""
    label_method: Optional[str] = None
    """The method that a rounding could turn the answers of: answered alone, unless there is a guard."""
    guard: Optional[LabelGuard] = None

    @property
    def alone_method(self) -> Optional[str]:
        """The method that is answered alone all the same."""
        return self.label_method if self.guard is None else None

    def allows(self, method: str) -> bool:
        return self.how is not None and method != self.alone_method

    def shown(self) -> str:
        """A sentence for the log."""
        if self.how is None:
            return f"Requests that arrive together are answered one by one: {self.why_not}."
        told = "Requests that arrive together share calls: answers are those of each alone " + self.how
        if self.how == ROUNDING:
            told += f" (largest relative difference found: {self.largest:.1e})"
        if self.guard is not None:
            return told + f"; {self.label_method} where no rounding can turn a label, else alone."
        return told + (f"; {self.label_method} is answered alone." if self.label_method else ".")


def sharing_of(model: ScoringModel, samples: Any = None) -> Sharing:
    """How a model's requests may share calls, held against the model itself.

    Every method is asked with rows one by one and all at once: `samples`, else rows that are made up.

    Args:
        samples: `data` of a sample request.
    """
    try:
        how = _how(model.estimator)
    except _Unknown as part:
        return Sharing(None, f"{part} is not known to answer each row by itself")
    largest = 0.0
    for table in _tables(model, samples):
        for method in model.methods:
            try:
                found = _difference(model, method, table)
            except Exception as error:  # noqa: BLE001 - a foreign class, which may raise anything
                what = "of the sample's rows" if samples is not None else "of rows that were made up"
                hint = "; with a sample request of its kind this would be known" if samples is None else ""
                return Sharing(None, f"{method} {what} raised {type(error).__name__}{hint}")
            if found > (0 if how == EXACT else TOLERANCE if model.twin is None else TWIN_TOLERANCE):
                return Sharing(None, f"{method} of many rows differs from that of each alone")
            largest = max(largest, found)
    if how == EXACT or "predict" not in model.methods or _is_regressor(model.estimator):
        return Sharing(how, None, largest)
    return Sharing(how, None, largest, "predict", _guard(model, next(_tables(model, samples))))


def _guard(model: ScoringModel, table: Any) -> Optional[LabelGuard]:
    """The guard of a linear classifier's labels, once it has labelled a table as the model does; None without one."""
    if model.twin is not None and "predict" in model.twin.methods:
        return None
    try:
        steps, classifier = unpacked(model.estimator, _SEARCHES, public_name)
        scores = _LINEAR_CLASSIFIERS.get(public_name(classifier))
        if scores is None or hasattr(getattr(classifier, scores.weights), "tocsr"):
            return None
        if any(_of_step(step, is_rounded=False) != EXACT for step in steps):
            return None
        guard = LabelGuard(steps, classifier, scores)
        found = guard.labels(model, table).values
        has_several = any(isinstance(label, list) for label in found)  # of one row: each has a line of its own
        return guard if not has_several and found == model.call("predict", table) else None
    except Exception:  # noqa: BLE001 - a foreign class, which may raise anything: it is then answered alone
        return None


def _how(estimator: Any, *, after_rounding: bool = False) -> str:
    """
    Raises:
        _Unknown: for what is of no known kind, or must not follow a rounded step.
    """
    kind = public_name(estimator)
    if kind in _SEARCHES:
        return _how(estimator.best_estimator_, after_rounding=after_rounding)
    if kind.endswith(".Pipeline"):
        return _of_pipeline(estimator)
    if after_rounding and kind not in _CONTINUOUS_MODELS:
        raise _Unknown(f"{kind} after a step with rounding")
    if kind in _NEIGHBOURS and getattr(estimator, "_fit_method", None) in ("kd_tree", "ball_tree"):
        return ROUNDING if after_rounding else EXACT
    if kind in _MEMBERS and all(_how(member) == EXACT for member in estimator.estimators_ if member != "drop"):
        return EXACT
    if kind in _EXACT_MODELS:
        return ROUNDING if after_rounding else EXACT
    if kind in _ROUNDED_MODELS:
        return ROUNDING
    if kind in _EXACT_STEPS or kind in _ROUNDED_STEPS:  # served for its transform
        return _of_step(estimator, is_rounded=False)
    raise _Unknown(kind)


def _of_pipeline(pipeline: Any) -> str:
    is_rounded = False
    steps = [step for _, step in pipeline.steps if step is not None and step != "passthrough"]
    for step in steps[:-1]:
        is_rounded = _of_step(step, is_rounded=is_rounded) == ROUNDING
    return _how(steps[-1], after_rounding=is_rounded) if steps else EXACT


def _of_step(step: Any, *, is_rounded: bool) -> str:
    kind = public_name(step)
    if kind.endswith((".ColumnTransformer", ".FeatureUnion")):
        found = [_of_step(part, is_rounded=is_rounded) for part in _parts(step)]
        return ROUNDING if ROUNDING in found or is_rounded else EXACT
    if kind.endswith(".Pipeline"):
        for _, part in step.steps:
            if part is not None and part != "passthrough":
                is_rounded = _of_step(part, is_rounded=is_rounded) == ROUNDING
        return ROUNDING if is_rounded else EXACT
    if kind in _ROUNDED_STEPS:
        return ROUNDING
    if kind in (_CONTINUOUS_EXACT if is_rounded else _EXACT_STEPS):
        return ROUNDING if is_rounded else EXACT
    raise _Unknown(f"{kind} after a step with rounding" if kind in _EXACT_STEPS else kind)


def _parts(step: Any) -> Iterator[Any]:
    listed = getattr(step, "transformers_", None) or step.transformer_list
    for entry in listed:
        part = entry[1]
        if part not in ("drop", "passthrough") and public_name(part) != "sklearn.preprocessing.FunctionTransformer":
            yield part
        elif not isinstance(part, str) and getattr(part, "func", None) is not None:
            raise _Unknown(public_name(part))


def _tables(model: ScoringModel, samples: Any) -> Iterator[Any]:
    yield model.table(_repeated(samples) if samples is not None else made_up_rows(model))


def _difference(model: ScoringModel, method: str, table: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        together = model.call(method, table)
        singly: List[Any] = []
        began_s = time.monotonic()
        for one in _singly(table):
            if len(singly) >= LEAST_ROWS and time.monotonic() - began_s > CHECK_S:
                break
            singly.append(model.call(method, one)[0])
    if not isinstance(together, list) or len(together) < len(singly):
        return float("inf")
    return largest_difference(together[: len(singly)], singly)


def _singly(table: Any) -> List[Any]:
    if isinstance(table, Named):
        return [table._replace(rows=[row]) for row in table.rows]
    return [table[number : number + 1] for number in range(len(table))]


def largest_difference(first: Any, second: Any) -> float:
    """Between two results of nested lists, relative to 1 or the larger; infinite where they are not alike."""
    if isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return float("inf")
        return max((largest_difference(one, other) for one, other in zip(first, second)), default=0.0)
    if first == second or (first != first and second != second):  # NaN is itself only so
        return 0.0
    if isinstance(first, float) and isinstance(second, float):
        scale = max(1.0, abs(first), abs(second))
        return abs(first - second) / scale if scale < float("inf") else float("inf")
    return float("inf")


def _repeated(samples: Sequence[Any]) -> List[Any]:
    return (list(samples) * 24)[: max(24, min(len(samples), 100))]


def _is_regressor(estimator: Any) -> bool:
    if getattr(estimator, "_estimator_type", None) == "regressor":
        return True
    try:
        return bool(importlib.import_module("sklearn.base").is_regressor(estimator))
    except Exception:  # noqa: BLE001 - no scikit-learn, or a class that it does not know
        return False


def public_name(estimator: Any) -> str:
    """`sklearn.svm.SVC`: where a class is documented, whatever module of it holds the class in this version."""
    kind = type(estimator)
    public = [part for part in kind.__module__.split(".") if not part.startswith("_")][:2]
    return ".".join((*public, kind.__name__))
