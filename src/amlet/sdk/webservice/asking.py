"""One request to a service, and its answer."""

from __future__ import annotations

import json
from typing import Any, Dict, NamedTuple, Optional, Union

from amlet.domain.service import Service
from amlet.sdk.exceptions import WebserviceException

ANSWER_S = 120.0
"""How long one scoring request may take."""

UNAUTHORIZED = 401


class Answer(NamedTuple):
    status: int
    headers: Dict[str, str]
    content: bytes

    def parsed(self) -> Any:
        """What it says.

        Raises:
            WebserviceException: for any answer but 200 (v1-behaviours 15.24).
        """
        if self.status == 200:
            return json.loads(self.content)
        raise WebserviceException(
            "Received bad response from service. More information can be found by calling `.get_logs()` on the "
            f"webservice object.\nResponse Code: {self.status}\nHeaders: {self.headers}\nContent: {self.content!r}",
            status_code=self.status,
        )


def ask(record: Service, content: Union[str, bytes, bytearray], credential: Optional[str] = None) -> Answer:
    """Post JSON to a service.

    Args:
        credential: A key, or a token.

    Raises:
        WebserviceException: if it does not listen.
    """
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    if record.address is None:
        raise WebserviceException(
            f"Service {record.name} has no scoring_uri: it is {record.state}.", hint="wait_for_deployment() first."
        )
    parts = urlsplit(f"{record.address}/score")
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
    headers = {"Content-Type": "application/json"}
    if credential is not None:
        headers["Authorization"] = f"Bearer {credential}"
    try:
        body = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    except (OSError, HTTPException) as error:
        raise WebserviceException(
            f"Service {record.name} does not answer at {parts.geturl()}: {error}.",
            hint="service.update_deployment_state() and service.state tell how it is, get_logs() what it printed.",
        ) from error
    finally:
        connection.close()


def call(record: Service, content: Union[str, bytes, bytearray], credential: Optional[str] = None) -> Any:
    """Post a request to a service: the answer, parsed.

    Raises:
        WebserviceException: if it does not listen, or for any answer but 200.
    """
    return ask(record, content, credential).parsed()
