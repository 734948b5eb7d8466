"""A file of what amlet logs below the user's level, for a report of a problem."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, List, Optional, Tuple, Union

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import say

FORMAT = "%(asctime)s|%(name)s|%(levelname)s|%(message)s"


class diagnostic_log:  # noqa: N801 - v1's name
    """Write the debug log of some loggers to a file, between `start_capture` and `stop_capture` or in a `with` block.

    Args:
        log_path: A file, or a folder that gets one. Default: a file here, named after the time.
        namespaces: The loggers; `azureml` and `amlet` by default.
        context_name: Stands in the file's default name.
    """

    def __init__(
        self,
        log_path: Optional[Union[str, Path]] = None,
        namespaces: Optional[List[str]] = None,
        context_name: Optional[str] = None,
    ) -> None:
        name = f"{context_name or 'azureml'}_{datetime.now():%Y%m%d_%H%M%S}.log"
        place = Path(log_path) if log_path is not None else Path(name)
        self._place = place / name if place.is_dir() else place
        self._namespaces = list(namespaces) if namespaces is not None else ["azureml", "amlet"]
        self._handler: Optional[logging.FileHandler] = None
        self._levels: List[Tuple[logging.Logger, int]] = []

    def start_capture(self) -> None:
        """Begin to write. A second call has no effect."""
        if self._handler is not None:
            return
        try:
            self._handler = logging.FileHandler(self._place, encoding="utf-8")
        except OSError as error:
            raise UserErrorException(f"Cannot write {self._place}: {error.strerror}.") from error
        self._handler.setFormatter(logging.Formatter(FORMAT))
        for name in self._namespaces:
            logger = logging.getLogger(name)
            self._levels.append((logger, logger.level))
            logger.setLevel(logging.DEBUG)
            logger.addHandler(self._handler)
        say(f"debug log: {self._place}")

    def stop_capture(self) -> None:
        """End the file, and give the loggers their levels back."""
        if self._handler is None:
            return
        for logger, level in self._levels:
            logger.removeHandler(self._handler)
            logger.setLevel(level)
        self._levels = []
        self._handler.close()
        self._handler = None

    def __enter__(self) -> diagnostic_log:
        self.start_capture()
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.stop_capture()
