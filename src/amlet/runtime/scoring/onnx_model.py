"""ONNX models, run by onnxruntime, as something with scikit-learn's methods."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Dict, List, Sequence

from amlet.runtime.scoring.model import ModelNotLoaded

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxModel:
    """A session. Rows are one matrix, or one column an input where the graph has several."""

    def __init__(self, model: Any) -> None:
        """`model` is a path or the bytes of a graph.

        Raises:
            ModelNotLoaded: if its inputs are not rows of values.
        """
        runtime = importlib.import_module("onnxruntime")
        self._numpy = importlib.import_module("numpy")
        options = runtime.SessionOptions()
        # A replica answers one call at a time, and on one thread sums are always made in one order.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors: some graphs warn at every call
        self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._inputs = self._session.get_inputs()
        outputs = self._session.get_outputs()
        for taken in self._inputs:
            if taken.type not in _TYPES or len(taken.shape) != 2:
                raise ModelNotLoaded(
                    f"The model's input {taken.name!r} is a {taken.type} of {len(taken.shape)} dimensions; without an "
                    "entry script a model takes rows of numbers or texts."
                )
        if len(self._inputs) > 1:
            self.feature_names_in_: List[str] = [taken.name for taken in self._inputs]
            self.n_features_in_ = len(self._inputs)
        elif isinstance(self._inputs[0].shape[1], int):
            self.n_features_in_ = self._inputs[0].shape[1]
        self._label = outputs[0].name
        if outputs[0].type in ("tensor(float)", "tensor(double)"):
            self._estimator_type = "regressor"
        scores = [found for found in outputs if "prob" in found.name.lower() or found.type.startswith("seq(map")]
        if scores and len(outputs) > 1:
            self._scores = scores[0].name
            self.predict_proba = self._predict_proba

    def predict(self, table: Any) -> Any:
        """The graph's first output."""
        (found,) = self._session.run([self._label], self._feed(table))
        return found.reshape(-1) if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1 else found

    def _predict_proba(self, table: Any) -> Any:
        (found,) = self._session.run([self._scores], self._feed(table))
        if isinstance(found, list):  # a map of each row, by class
            return [[one[key] for key in sorted(one)] for one in found]
        return found

    def _feed(self, table: Any) -> Dict[str, Any]:
        if len(self._inputs) == 1:
            return {self._inputs[0].name: self._cast(table, self._inputs[0])}
        by_name = hasattr(table, "columns")
        columns = [table[[one.name]] if by_name else table[:, [at]] for at, one in enumerate(self._inputs)]
        return {one.name: self._cast(column, one) for one, column in zip(self._inputs, columns)}

    def _cast(self, values: Any, taken: Any) -> Any:
        return self._numpy.ascontiguousarray(self._numpy.asarray(values), dtype=_TYPES[taken.type])


def onnx_file(file: Path, trusted: Sequence[str]) -> Any:  # noqa: ARG001
    """Open a `.onnx` file."""
    return OnnxModel(str(file))
