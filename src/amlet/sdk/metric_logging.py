"""The four ways to log a value, the same in a job and outside one."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from amlet.domain.metric import LIST, ROW, SCALAR, TABLE
from amlet.sdk import metrics


class MetricLogging:
    """What every run can log. Bad arguments raise; storage and network never do."""

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
        self._append(str(name), LIST, metrics.values_of(name, value), None)

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """Log one row of a table: `run.log_row("Y over X", x=1, y=0.4)`."""
        self._append(str(name), ROW, metrics.row_of(name, kwargs), None)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        """Log a whole table: a dict of columns of one length."""
        self._append(str(name), TABLE, metrics.table_of(name, value), None)

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        raise NotImplementedError
