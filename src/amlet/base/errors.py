"""The tree of errors. A class exists only where a caller would react differently.

AmletError
├── InvalidInput         the request cannot be right; `fields` names every bad one
├── NotFound             nothing has that name
├── Conflict             the name is taken, or the state does not allow it
│   └── StaleAttempt     a late result of an attempt that is no longer the current one
├── Unauthorized         no token, or not one of ours
├── Forbidden            a token that may not do this
├── TooLarge             the body is over its cap
├── Unavailable          the server cannot be reached or is busy; trying again may help
├── VersionMismatch      client and server speak different versions
├── StorageFailed        the disk is full, read-only or broken; names the path
├── DatastoreFailed      a datastore cannot be reached, is full, or broke off; the server itself is well
├── EnvironmentFailed    a spec cannot be resolved or built
└── ServiceFailed        a replica does not load its model or does not answer
"""

from __future__ import annotations

import errno
import os
from typing import List, NamedTuple, Optional, Sequence


class FieldError(NamedTuple):
    """One bad field: where it stands (`arguments[2]`) and what is wrong with it."""

    path: str
    message: str


class AmletError(Exception):
    """The base: what happened, and a hint that says the next command or argument."""

    code = "internal"

    def __init__(self, message: str, *, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class InvalidInput(AmletError):
    """The request cannot be right as it stands."""

    code = "invalid"

    def __init__(self, message: str, *, hint: Optional[str] = None, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(message, hint=hint)
        self.fields: List[FieldError] = list(fields)

    @classmethod
    def of(cls, fields: Sequence[FieldError], *, subject: str = "the request") -> InvalidInput:
        """All bad fields of one input in one error."""
        lines = "".join("\n  {}: {}".format(path or "(whole)", message) for path, message in fields)
        count = "1 field is" if len(fields) == 1 else f"{len(fields)} fields are"
        return cls(f"{count} wrong in {subject}:{lines}", fields=fields)


class NotFound(AmletError):
    """Nothing has that name."""

    code = "not_found"


class Conflict(AmletError):
    """The name is taken, or the state does not allow it."""

    code = "conflict"


class StaleAttempt(Conflict):
    """A late result of an attempt that is no longer the current one: drop it and end."""

    code = "stale_attempt"


class Unauthorized(AmletError):
    """No token, or not one of ours."""

    code = "unauthorized"


class Forbidden(AmletError):
    """A good token that may not do this."""

    code = "forbidden"


class TooLarge(AmletError):
    """The body is over its cap."""

    code = "too_large"


class Unavailable(AmletError):
    """The server cannot be reached or is busy; trying again may help."""

    code = "unavailable"


class VersionMismatch(AmletError):
    """Client and server speak different versions of the wire."""

    code = "version_mismatch"


class StorageFailed(AmletError):
    """The disk is full, read-only or broken."""

    code = "storage_failed"

    @classmethod
    def from_os_error(cls, error: OSError, path: object) -> StorageFailed:
        """Name the path and, for the usual causes, the way out."""
        hints = {
            errno.ENOSPC: "free some space, or set AMLET_HOME to a folder on another disk.",
            errno.EDQUOT: "your quota on this disk is used up: free some space, or set AMLET_HOME elsewhere.",
            errno.EROFS: "the disk is mounted read-only: set AMLET_HOME to a folder you can write to.",
            errno.EACCES: "give yourself the right to write there, or set AMLET_HOME to a folder of your own.",
            errno.EMFILE: "too many files are open: raise the limit with `ulimit -n 4096` and start again.",
        }
        reason = os.strerror(error.errno) if error.errno else str(error)
        return cls(f"Cannot write {path}: {reason}.", hint=hints.get(error.errno or 0))


class DatastoreFailed(AmletError):
    """A datastore cannot be reached, is full, or broke off. The server itself is well: it is not asked again."""

    code = "datastore_failed"


class EnvironmentFailed(AmletError):
    """A spec cannot be resolved or built."""

    code = "environment_failed"


class ServiceFailed(AmletError):
    """A replica does not load its model or does not answer."""

    code = "service_failed"
