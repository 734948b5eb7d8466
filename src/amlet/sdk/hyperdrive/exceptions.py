"""HyperDrive's exceptions."""

from __future__ import annotations

from typing import Any, NoReturn, Sequence

from amlet.base.errors import FieldError, InvalidInput
from amlet.sdk.exceptions import AzureMLException


class HyperDriveException(AzureMLException):
    """The base of HyperDrive's exceptions."""

    def __init__(self, exception_message: str = "", **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)

    @property
    def error_code(self) -> str:
        """What kind of error it is, in one word."""
        return type(self).__name__


class HyperDriveServiceException(HyperDriveException):
    """The server could not do what was asked of a sweep."""


class HyperDriveConfigException(HyperDriveException):
    """A sweep's configuration has faults."""


class HyperDriveScenarioNotSupportedException(HyperDriveConfigException):
    """A sweep cannot do this."""


class HyperDriveNotImplementedException(HyperDriveScenarioNotSupportedException):
    """A run of a sweep has no such thing."""


class HyperDriveRehydrateException(HyperDriveException):
    """A sweep's configuration cannot be read from its run."""


def raise_faults(faults: Sequence[FieldError]) -> None:
    """Raise what is wrong, all of it, if anything is."""
    if faults:
        told = InvalidInput.of(list(faults), subject="the sweep")
        raise HyperDriveConfigException(told.message, hint=told.hint)


def refuse(message: str, hint: str = "") -> NoReturn:
    """Raise one fault."""
    raise HyperDriveConfigException(message, hint=hint or None)
