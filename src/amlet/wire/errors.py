"""Errors over the wire: each class of `amlet.base.errors` has one HTTP status, both ways."""

from __future__ import annotations

import json
from typing import Any, Dict, Tuple, Type

from amlet.base import errors
from amlet.base.errors import AmletError, FieldError

STATUS: Dict[Type[AmletError], int] = {
    errors.InvalidInput: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.StaleAttempt: 410,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.DatastoreFailed: 424,
    errors.EnvironmentFailed: 422,
    errors.ServiceFailed: 422,
    errors.VersionMismatch: 426,
    errors.Unavailable: 503,
    errors.StorageFailed: 507,
}
"""Most specific first."""

_BY_CODE: Dict[str, Type[AmletError]] = {kind.code: kind for kind in STATUS}


class ForeignAnswer(AmletError):
    """Another program, or a proxy, answered in the place of an amlet server."""


def to_answer(error: AmletError) -> Tuple[int, Dict[str, Any]]:
    """The status and body of an error; 500 for one that has no status of its own."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    body: Dict[str, Any] = {"code": error.code, "message": error.message}
    if error.hint:
        body["hint"] = error.hint
    if isinstance(error, errors.InvalidInput) and error.fields:
        body["fields"] = [{"path": path, "message": message} for path, message in error.fields]
    return status, {"error": body}


def from_answer(status: int, body: bytes) -> AmletError:
    """The error that an answer tells of, of the class it was raised with on the other side."""
    try:
        told = json.loads(body.decode("utf-8"))["error"]
        code, message, hint = told["code"], told["message"], told.get("hint")
        fields = [FieldError(item["path"], item["message"]) for item in told.get("fields", ())]
    except (ValueError, KeyError, TypeError):
        return ForeignAnswer(f"The server answered {status} with a body that is not amlet's: {body[:200]!r}.")
    kind = _BY_CODE.get(code, AmletError)
    if kind is errors.InvalidInput:
        return errors.InvalidInput(message, hint=hint, fields=fields)
    return kind(message, hint=hint)
