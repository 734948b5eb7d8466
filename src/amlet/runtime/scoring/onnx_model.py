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
    """A session. Rows are one matrix, or lists in lists where the graph's one input has more dimensions, or one column
    an input where it has several inputs.
    """

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
        faults = [fault for taken in self._inputs for fault in _faults(taken, is_alone=len(self._inputs) == 1)]
        if faults or not self._inputs:
            told = "; ".join(faults) or "it has none"
            raise ModelNotLoaded(f"Without an entry script the model's inputs cannot be rows of a request: {told}.")
        shape = self._inputs[0].shape
        self._is_single = any(taken.shape[0] == 1 for taken in self._inputs)
        """Its graph is of one row: several are asked one after the other."""
        if len(self._inputs) > 1:
            self.feature_names_in_: List[str] = [taken.name for taken in self._inputs]
            self.n_features_in_ = len(self._inputs)
        elif len(shape) > 2:
            self.row_shape_ = tuple(size if isinstance(size, int) else None for size in shape[1:])
            """Sizes of a row's lists in lists, the outermost first; None where any size will do."""
        elif isinstance(shape[1], int):
            self.n_features_in_ = shape[1]
        self._label = outputs[0].name
        if outputs[0].type in ("tensor(float)", "tensor(double)"):
            self._estimator_type = "regressor"
        scores = [found for found in outputs if "prob" in found.name.lower() or found.type.startswith("seq(map")]
        if scores and len(outputs) > 1:
            self._scores = scores[0].name
            self.predict_proba = self._predict_proba

    def predict(self, table: Any) -> Any:
        """The graph's first output."""
        found = self._run(self._label, table)
        return found.reshape(-1) if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1 else found

    def _predict_proba(self, table: Any) -> Any:
        found = self._run(self._scores, table)
        if isinstance(found, list):  # a map of each row, by class
            return [[one[key] for key in sorted(one)] for one in found]
        return found

    def _run(self, output: str, table: Any) -> Any:
        if not self._is_single or len(table) == 1:
            return self._session.run([output], self._feed(table))[0]
        found = [self._session.run([output], self._feed(table[at : at + 1]))[0] for at in range(len(table))]
        if isinstance(found[0], list):
            return [one for part in found for one in part]
        return self._numpy.concatenate(found)

    def _feed(self, table: Any) -> Dict[str, Any]:
        if len(self._inputs) == 1:
            return {self._inputs[0].name: self._cast(table, self._inputs[0])}
        by_name = hasattr(table, "columns")
        columns = [table[[one.name]] if by_name else table[:, [at]] for at, one in enumerate(self._inputs)]
        return {one.name: self._cast(column, one) for one, column in zip(self._inputs, columns)}

    def _cast(self, values: Any, taken: Any) -> Any:
        return self._numpy.ascontiguousarray(self._numpy.asarray(values), dtype=_TYPES[taken.type])


def _faults(taken: Any, *, is_alone: bool) -> List[str]:
    """Why an input cannot take rows."""
    name, shape = repr(taken.name), list(taken.shape)
    if taken.type not in _TYPES:
        return [f"{name} is a {taken.type}"]
    if len(shape) < 2:
        return [f"{name} has {len(shape)} dimensions, and rows have at least 2"]
    if isinstance(shape[0], int) and shape[0] != 1:
        return [f"{name} takes exactly {shape[0]} rows at a time: export it with a first dimension of any size"]
    if len(shape) > 2 and _TYPES[taken.type] == "object":
        return [f"{name} is of texts and has {len(shape)} dimensions"]
    if not is_alone and (len(shape) > 2 or (isinstance(shape[1], int) and shape[1] != 1)):
        return [f"{name} has the shape {shape}, and of several inputs each must be a column, [rows, 1]"]
    return []


def onnx_file(file: Path, trusted: Sequence[str]) -> Any:  # noqa: ARG001
    """Open a `.onnx` file."""
    return OnnxModel(str(file))
