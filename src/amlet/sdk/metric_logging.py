"""The ways to log a value, the same in a job, in a notebook and on a laptop."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any, Dict, Iterator, List, Optional, Set, Union

from amlet.domain.metric import (
    ACCURACY_TABLE,
    CONFUSION_MATRIX,
    IMAGE,
    LIST,
    PREDICTIONS,
    RESIDUALS,
    ROW,
    SCALAR,
    TABLE,
    address_of,
)
from amlet.sdk import metrics
from amlet.sdk.exceptions import AzureMLException

LINE_VALUES = 5_000
"""Values in one line of a journal: longer lists and tables are cut into several, and read back as one."""


class MetricLogging:
    """What every run can log. Bad arguments raise; storage and network never do."""

    _run_id: str
    _files_named: Optional[Set[str]] = None

    def log(self, name: str, value: Any, description: str = "", step: Optional[int] = None) -> None:
        """Log one value. Logged again under the same name, the values make a list.

        Args:
            name: Kept exactly as given.
            value: A number, text, boolean or None; NumPy's scalars too. Anything else is kept as its `repr`.
            step: Where the value belongs on the x axis.

        Raises:
            UserErrorException: for a list, a range or a generator: use `log_list`.
        """
        self._append(str(name), SCALAR, metrics.scalar(value), metrics.step_of(step))

    def log_list(self, name: str, value: List[Any], description: str = "") -> None:
        """Log a list of values under one name."""
        values = metrics.values_of(name, value)
        for start in range(0, len(values) or 1, LINE_VALUES):
            self._append(str(name), LIST, values[start : start + LINE_VALUES], None)

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """Log one row of a table: `run.log_row("Y over X", x=1, y=0.4)`."""
        self._append(str(name), ROW, metrics.row_of(name, kwargs), None)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        """Log a whole table: a dict of columns of one length."""
        for part in _parts(metrics.table_of(name, value)):
            self._append(str(name), TABLE, part, None)

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        """Log an image: a file, kept under its own path, or a plot, kept as `<name>_<epoch seconds>.png`.

        Args:
            path: An image file.
            plot: An object with `savefig`: matplotlib's pyplot or a figure.

        Raises:
            AzureMLException: unless exactly one of both is given; for what is no image, or cannot be drawn.
        """
        from amlet.sdk import artifact_metrics

        if (path is None) == (plot is None):
            which = "neither" if path is None else "both"
            raise AzureMLException(f"log_image takes a path or a plot; {which} of them was given for {name!r}.")
        if path is not None:
            self._log_file(name, IMAGE, artifact_metrics.file_name(str(path)), artifact_metrics.read_image(path))
            return
        content = artifact_metrics.drawn(plot)
        label, moment = artifact_metrics.file_name(str(name)), int(time.time())
        while f"{label}_{moment}.png" in self._names:
            moment += 1
        self._log_file(name, IMAGE, f"{label}_{moment}.png", content)

    def log_confusion_matrix(self, name: str, value: Union[str, Dict[str, Any]], description: str = "") -> None:
        """Log a confusion matrix: data{class_labels, matrix}, wrapped as {schema_type, schema_version, data}."""
        self._log_json(name, CONFUSION_MATRIX, value)

    def log_accuracy_table(self, name: str, value: Union[str, Dict[str, Any]], description: str = "") -> None:
        """Log an accuracy table: data{probability_tables, percentile_tables, their thresholds, class_labels}."""
        self._log_json(name, ACCURACY_TABLE, value)

    def log_residuals(self, name: str, value: Union[str, Dict[str, Any]], description: str = "") -> None:
        """Log residuals, predicted minus actual: data{bin_edges, bin_counts}."""
        self._log_json(name, RESIDUALS, value)

    def log_predictions(self, name: str, value: Union[str, Dict[str, Any]], description: str = "") -> None:
        """Log predictions: data{bin_averages, bin_errors, bin_counts, bin_edges}."""
        self._log_json(name, PREDICTIONS, value)

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        """Keep one value."""
        raise NotImplementedError

    def _keep_file(self, path: str, content: bytes) -> None:
        """Keep a small file of the run. Waits for no network."""
        raise NotImplementedError

    def _log_json(self, name: str, kind: str, value: Any) -> None:
        from amlet.sdk import artifact_metrics

        # Named exactly like the metric (v1-behaviours 4.10); only a second one of the name must differ.
        label = path = artifact_metrics.file_name(str(name))
        content, number = artifact_metrics.content_of(kind, str(name), value), 1
        while path in self._names:
            path, number = f"{label}_{number}", number + 1
        self._log_file(name, kind, path, content)

    def _log_file(self, name: str, kind: str, path: str, content: bytes) -> None:
        self._keep_file(path, content)
        self._names.add(path)
        self._append(str(name), kind, address_of(self._run_id, path), None)

    @property
    def _names(self) -> Set[str]:
        """Paths that this object has logged files under."""
        if self._files_named is None:
            self._files_named = set()
        return self._files_named


def _parts(columns: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    rows = max((len(cells) for cells in columns.values() if isinstance(cells, list)), default=0)
    at_once = max(1, LINE_VALUES // max(1, len(columns)))
    if rows <= at_once:
        yield columns
        return
    cells = {column: iter(values) for column, values in columns.items()}
    for _ in range(0, rows, at_once):
        yield {column: list(islice(values, at_once)) for column, values in cells.items()}
