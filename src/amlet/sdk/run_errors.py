"""What a run's process says of its failure, as the record's error (v1-behaviours 6.8, 7.2)."""

from __future__ import annotations

from typing import Any, Optional

from amlet.domain.run import RunError

TEXT_LIMIT = 100_000

USER_ERROR = "UserError"


def error_of(details: Any, code: Optional[str] = None) -> RunError:
    """The error for `run.fail(details, code)`.

    Raises:
        TypeError: for details that are neither a text nor an exception (v1-behaviours 7.2).
    """
    if details is not None and not isinstance(details, (str, BaseException)):
        raise TypeError(f"error_details must be a str or an exception, not {type(details).__name__}")
    code = str(code or USER_ERROR)
    if isinstance(details, BaseException):
        import traceback

        kind = type(details)
        trace = "".join(traceback.format_exception(kind, details, details.__traceback__))
        message = f"User program failed with {kind.__name__}: {details}"
        return RunError(code, message[:TEXT_LIMIT], kind.__name__, trace[-TEXT_LIMIT:], 1)
    return RunError(code, (details or "The run was marked as failed, without details.")[:TEXT_LIMIT])
