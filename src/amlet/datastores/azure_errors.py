"""Errors of Azure's client libraries, as ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from amlet.base.errors import DatastoreFailed, InvalidInput, NotFound
from amlet.datastores.base import library

REFUSED = (401, 403)
WRONG = 400


@contextlib.contextmanager
def told(where: str, path: str = "") -> Iterator[None]:
    """Turn what is raised within into ours. What Azure says may hold signed addresses: it is not passed on.

    Args:
        where: The container or share, in words.
    """
    errors = library("azure.core.exceptions", "azure")
    try:
        yield
    except errors.ResourceNotFoundError as error:
        raise NotFound(f"{where} has no file {path[:200]!r}." if path else f"{where} is not there.") from error
    except errors.ClientAuthenticationError as error:
        raise _refused(where) from error
    except errors.HttpResponseError as error:
        if error.status_code in REFUSED:
            raise _refused(where) from error
        code = getattr(error, "error_code", None) or error.status_code
        kind = InvalidInput if error.status_code == WRONG else DatastoreFailed
        raise kind(f"{where} answers {code}.") from error
    except (errors.AzureError, OSError) as error:
        raise DatastoreFailed(f"{where} cannot be reached: {type(error).__name__}.") from error
    except ValueError as error:
        raise InvalidInput(
            f"{where} cannot be signed in to: the key or signature is not well formed.",
            hint="register it again with the account key, or a SAS token, as Azure shows it.",
        ) from error


def _refused(where: str) -> InvalidInput:
    return InvalidInput(
        f"{where} does not let us in.",
        hint="register it again with a good account_key, sas_token or client_secret, overwrite=True.",
    )
