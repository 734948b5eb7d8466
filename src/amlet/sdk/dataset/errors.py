"""Errors of datasets: of what they are defined by, and of reading them."""

from __future__ import annotations

from typing import Any, Optional

from amlet.sdk.exceptions import UserErrorException


class DatasetValidationError(UserErrorException):
    """The data is not there, or is not what the dataset says."""

    def __init__(self, message: str, exception: Optional[BaseException] = None, **kwargs: Any) -> None:
        super().__init__(message, inner_exception=exception, **kwargs)


class DatasetExecutionError(UserErrorException):
    """The data cannot be read."""

    def __init__(self, message: str, exception: Optional[BaseException] = None, **kwargs: Any) -> None:
        super().__init__(message, inner_exception=exception, **kwargs)


def one_line(error: BaseException) -> str:
    """What a library said, to be put into a sentence of ours."""
    return " ".join(str(error).split()).rstrip(".")
