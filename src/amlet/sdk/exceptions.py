"""v1's exceptions, which are amlet's errors too, and the one place where the server's errors become them.

AzureMLException
├── TrainingException, ExperimentExecutionException, ProjectSystemException, SnapshotException,
│   RunEnvironmentException, WorkspaceException, WorkspacePrivateEndpointException, ComputeTargetException,
│   WebserviceException, ModelNotFoundException, ModelPathNotFoundException, DiscoveryUrlNotFoundException,
│   ActivityFailedException, DatasetTimestampMissingError, ParallelRunException, AzureMLAggregatedException,
│   ServiceException
└── UserErrorException
    ├── AuthenticationException
    └── RunConfigurationException
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Optional, Sequence, Type

from amlet.base.errors import (
    AmletError,
    Conflict,
    DatastoreFailed,
    EnvironmentFailed,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    ServiceFailed,
    TooLarge,
    Unauthorized,
)


class AzureMLException(AmletError):
    """The base of v1's exceptions; `str()` has v1's frame (v1-behaviours 16.1)."""

    def __init__(
        self,
        exception_message: str = "",
        inner_exception: Optional[BaseException] = None,
        target: Optional[str] = None,
        details: Any = None,
        message_format: Optional[str] = None,
        message_parameters: Optional[dict[str, Any]] = None,
        reference_code: Optional[str] = None,
        *,
        hint: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, hint=hint)
        self.inner_exception = inner_exception
        self._target = target
        self._details = details

    def __str__(self) -> str:
        import json

        told = AmletError.__str__(self)
        error = {"code": self._error_code, "message": told, "target": self._target, "details": self._details}
        response = json.dumps({"error": {key: value for key, value in error.items() if value}}, indent=4)
        return (
            f"{type(self).__name__}:\n\tMessage: {told}\n\tInnerException {self.inner_exception}"
            f"\n\tErrorResponse \n{response}"
        )

    def print_stacktrace(self) -> None:
        """Print the traceback of the exception that caused this one, if there is one."""
        import traceback

        if self.inner_exception is not None:
            inner = self.inner_exception
            traceback.print_exception(type(inner), inner, inner.__traceback__)

    _error_code: Optional[str] = None


class TrainingException(AzureMLException):
    """Training could not be set up."""


class ExperimentExecutionException(AzureMLException):
    """A run cannot be submitted or followed."""


class ProjectSystemException(AzureMLException):
    """A project's files are not as expected."""


class SnapshotException(AzureMLException):
    """The source folder cannot be taken."""


class RunEnvironmentException(AzureMLException):
    """There is no submitted run here, and what was asked for needs one."""

    def __init__(
        self,
        exception_message: str = (
            "Could not load a submitted run, if outside of an execution context, use "
            "experiment.start_logging to initialize an azureml.core.Run."
        ),
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)


class WorkspaceException(AzureMLException):
    """There is no such workspace, or several."""

    def __init__(self, exception_message: str, found_multiple: bool = False, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(AzureMLException):
    """v1's error of a private endpoint. amlet has none, so nothing raises it."""

    def __init__(self, exception_message: str, found_multiple: bool = False, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class ComputeTargetException(AzureMLException):
    """A compute target is missing or cannot be made as asked."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class WebserviceException(AzureMLException):
    """A service or model is missing, or does not do what was asked."""

    def __init__(
        self, exception_message: str, status_code: Optional[int] = None, logger: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code
        if logger is not None:
            logger.error(exception_message)


class ModelNotFoundException(AzureMLException, NotFound):
    """No model has that name."""

    def __init__(self, exception_message: str, logger: Any = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ModelPathNotFoundException(AzureMLException, NotFound):
    """The run has no such file."""

    def __init__(self, exception_message: str, logger: Any = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class DiscoveryUrlNotFoundException(AzureMLException):
    """A job does not know where its server is."""

    def __init__(self, discovery_key: str, **kwargs: Any) -> None:
        super().__init__(f"Could not find the server's address in the variable {discovery_key}.", **kwargs)


class ActivityFailedException(AzureMLException):
    """The run failed; the message carries why, as JSON (v1-behaviours 2.12)."""

    def __init__(self, error_details: str, **kwargs: Any) -> None:
        super().__init__(f"Activity Failed:\n{error_details}", **kwargs)


class UserErrorException(AzureMLException, InvalidInput):
    """The caller has to change something. Not a ValueError (v1-behaviours 16.5)."""

    _error_code = "UserError"

    def __init__(self, exception_message: str, *, fields: Sequence[FieldError] = (), **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.fields = list(fields)


class DatasetTimestampMissingError(AzureMLException):
    """A dataset is filtered by time and has no column of times."""

    def __init__(self, error_details: str, **kwargs: Any) -> None:
        super().__init__(error_details, **kwargs)


class ParallelRunException(AzureMLException):
    """v1's error of a parallel step."""

    def __init__(
        self, exception_message: str, code: Optional[str] = None, delay_seconds: float = 0, **kwargs: Any
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.code = code  # type: ignore[assignment]
        self.delay_seconds = delay_seconds


class AzureMLAggregatedException(AzureMLException):
    """Several errors as one."""

    def __init__(self, exceptions_list: Sequence[BaseException], **kwargs: Any) -> None:
        super().__init__("\n".join(str(getattr(error, "message", error)) for error in exceptions_list), **kwargs)
        self.exceptions_list = list(exceptions_list)


class ServiceException(AzureMLException):
    """v1's error of its REST services."""

    def __init__(self, exception_message: str = "", status_code: Optional[int] = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code


class AuthenticationException(UserErrorException):
    """The server does not know this token, or does not let it do that."""


class RunConfigurationException(UserErrorException):
    """A run's configuration cannot be right."""


@contextlib.contextmanager
def as_v1(kind: Type[AzureMLException] = UserErrorException, *, prefix: str = "") -> Iterator[None]:
    """Turn an error of amlet's, raised inside the block, into the class that v1's callers catch.

    What v1 has no name for passes through: a server that is away, another version, a full disk.

    Args:
        kind: What the caller of this operation expects for bad input, a missing thing or a conflict.
        prefix: Words that v1's message begins with: `ComputeTargetNotFound: `. Only for what is missing.
    """
    try:
        yield
    except AzureMLException:
        raise
    except (Unauthorized, Forbidden) as error:
        raise AuthenticationException(error.message, hint=error.hint, inner_exception=error) from error
    except (InvalidInput, NotFound, Conflict, TooLarge, DatastoreFailed, EnvironmentFailed, ServiceFailed) as error:
        begin = prefix if isinstance(error, NotFound) else ""
        raise kind(begin + error.message, hint=error.hint, inner_exception=error) from error
