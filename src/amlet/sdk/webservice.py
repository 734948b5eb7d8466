"""Services: deployed models that answer over HTTP (v1-behaviours 15.22-15.25)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Union

from amlet.domain import service as records
from amlet.sdk.exceptions import UserErrorException, WebserviceException, as_v1
from amlet.sdk.filters import has_all
from amlet.sdk.notice import given, warn_ignored

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

LOCAL_KIND = "LOCAL"
TARGET_KIND = "AKS"
"""Of services that were deployed to a serving target."""
WAIT_S = 20.0
PATIENCE_S = 600.0
ANSWER_S = 120.0
"""How long one scoring request may take."""


class Webservice:
    """One deployed model.

    Raises:
        WebserviceException: if the workspace has no such service.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self._record = _get(workspace, name)

    @staticmethod
    def list(
        workspace: Workspace,
        compute_type: Optional[str] = None,
        image_name: Optional[str] = None,
        image_id: Optional[str] = None,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        tags: Optional[Sequence[Any]] = None,
        properties: Optional[Sequence[Any]] = None,
        image_digest: Optional[str] = None,
    ) -> List[Webservice]:
        """The services of a workspace.

        Args:
            model_name: Only those of a model of this name.
            model_id: Only those of this model and version.
            tags: A list of keys, or of [key, value]; a service must have them all.
        """
        warn_ignored("Webservice.list", given(image_name=image_name, image_id=image_id, image_digest=image_digest))
        held = workspace._connection
        with as_v1(WebserviceException):
            found = held.client.services.list(held.workspace_id).services
        return [
            Webservice._of(workspace, record)
            for record in found
            if (compute_type is None or compute_type.upper() == _kind_of(record))
            and (model_id is None or model_id in record.model_ids)
            and (model_name is None or any(id_.rpartition(":")[0] == model_name for id_ in record.model_ids))
            and has_all(record.tags, tags)
            and has_all(record.properties, properties)
        ]

    @property
    def name(self) -> str:
        """The name."""
        return self._record.name

    @property
    def state(self) -> str:
        """`Transitioning`, `Unhealthy`, `Healthy` or `Failed`, when it was last asked for."""
        return self._record.state

    @property
    def compute_type(self) -> str:
        """What kind of service it is."""
        return _kind_of(self._record)

    @property
    def scoring_uri(self) -> Optional[str]:
        """Where rows are sent to, once the service listens."""
        return f"{self._record.address}/score" if self._record.address else None

    @property
    def swagger_uri(self) -> Optional[str]:
        """Where the description of the service is, once it listens."""
        return f"{self._record.address}/swagger.json" if self._record.address else None

    @property
    def error(self) -> Optional[str]:
        """Why it failed, with the traceback of its process."""
        return self._record.error

    @property
    def description(self) -> Optional[str]:
        """The description."""
        return self._record.description

    @property
    def tags(self) -> Mapping[str, Optional[str]]:
        """The tags. A copy."""
        return dict(self._record.tags)

    @property
    def properties(self) -> Mapping[str, str]:
        """The properties. A copy."""
        return dict(self._record.properties)

    @property
    def created_time(self) -> Any:
        """When it was made."""
        return self._record.created

    @property
    def updated_time(self) -> Any:
        """When it last changed."""
        return self._record.updated

    @property
    def auth_enabled(self) -> bool:
        """False: a service listens on this machine alone, open, as v1's local ones."""
        return False

    def update_deployment_state(self) -> None:
        """Ask for the state now."""
        self._record = _get(self.workspace, self.name)

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: Optional[float] = None) -> None:
        """Wait until the service answers.

        Args:
            show_output: Print the steps.

        Raises:
            WebserviceException: at once when the service fails, with the traceback of its process; or when the time
                is over.
        """
        if show_output:
            print(
                "Tips: You can try get_logs(), which holds all that the service printed, if anything goes wrong.\n"
                "Running",
                flush=True,
            )
        deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
        after, told = -1, None
        while True:
            wait_s = WAIT_S if deadline is None else max(0.0, min(WAIT_S, deadline - time.monotonic()))
            self._record = _get(self.workspace, self.name, after, wait_s)
            if show_output and self._record.step != told:
                told = self._record.step
                print(f"{time.strftime('%Y-%m-%d %H:%M:%S%z')} {told.rstrip('.')}.", flush=True)
            if self.state == records.HEALTHY:
                break
            if self.state == records.FAILED:
                raise self._failed(show_output=show_output)
            after = self._record.changes
            if deadline is not None and time.monotonic() >= deadline:
                raise WebserviceException(
                    f"Service {self.name} is not ready after {timeout_sec:g} s: it is {self.state}, {told or ''}.",
                    hint="wait_for_deployment() waits on; get_logs() tells what it printed.",
                )
        if show_output:
            print(
                f'Succeeded\n{self.compute_type} service creation operation finished, operation "Succeeded"', flush=True
            )

    def run(self, input_data: Union[str, bytes]) -> Any:
        """Send rows and give the answer, parsed.

        Args:
            input_data: JSON: `{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}`.

        Raises:
            WebserviceException: for any answer but 200, with its code, headers and content.
        """
        if not isinstance(input_data, (str, bytes, bytearray)):
            raise UserErrorException(
                f"run() takes JSON as str or bytes, not {type(input_data).__name__}.",
                hint='json.dumps({"data": rows.tolist()}) makes it.',
            )
        if self.scoring_uri is None:
            self.update_deployment_state()
        return call(self._record, input_data)

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines that the service's processes printed."""
        from amlet.wire.services import TailQuery

        held = self.workspace._connection
        with as_v1(WebserviceException), held.client.services.logs(
            held.workspace_id, self.name, TailQuery(num_lines)
        ) as body:
            return body.read().decode("utf-8", "replace")

    def delete(self) -> None:
        """End and delete the service. One that is gone already is told, as in v1."""
        held = self.workspace._connection
        try:
            with as_v1(WebserviceException):
                held.client.services.delete(held.workspace_id, self.name)
        except WebserviceException as error:
            if "WebserviceNotFound" not in error.message:
                raise
            print(f"No service with name {self.name} found to delete.")

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, compute_type={self.compute_type}, "
            f"state={self.state}, scoring_uri={self.scoring_uri}, tags={self.tags})"
        )

    @classmethod
    def _of(cls, workspace: Workspace, record: records.Service) -> Webservice:
        made = object.__new__(cls)
        made.workspace = workspace
        made._record = record
        return made

    def _failed(self, *, show_output: bool) -> WebserviceException:
        if show_output:
            print("Failed", flush=True)
        return WebserviceException(
            "Service deployment polling reached non-successful terminal state, current service state: "
            f"{self.state}\n{self.error or 'Nothing more is known.'}",
            hint="service.get_logs() holds all that it printed.",
        )


def call(record: records.Service, content: Union[str, bytes, bytearray]) -> Any:
    """Post a request to a service: the answer, parsed.

    Raises:
        WebserviceException: if it does not listen, or for any answer but 200 (v1-behaviours 15.24).
    """
    if record.address is None:
        raise WebserviceException(
            f"Service {record.name} has no scoring_uri: it is {record.state}.", hint="wait_for_deployment() first."
        )
    status, headers, answer = _post(f"{record.address}/score", content, record.name)
    if status == 200:
        return json.loads(answer)
    raise WebserviceException(
        "Received bad response from service. More information can be found by calling `.get_logs()` on the "
        f"webservice object.\nResponse Code: {status}\nHeaders: {headers}\nContent: {answer!r}",
        status_code=status,
    )


def _kind_of(record: records.Service) -> str:
    return TARGET_KIND if record.target else LOCAL_KIND


def _get(workspace: Workspace, name: str, after: int = -1, wait_s: float = 0.0) -> records.Service:
    from amlet.wire.services import ServiceQuery

    held = workspace._connection
    with as_v1(WebserviceException):
        record: records.Service = held.client.services.get(
            held.workspace_id, name, ServiceQuery(after, wait_s), patience_s=PATIENCE_S if wait_s else None
        )
    return record


def _post(url: str, content: Union[str, bytes, bytearray], name: str) -> Any:
    """Post JSON: (status, headers, content)."""
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        body = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    except (OSError, HTTPException) as error:
        raise WebserviceException(
            f"Service {name} does not answer at {url}: {error}.",
            hint="service.update_deployment_state() and service.state tell how it is, get_logs() what it printed.",
        ) from error
    finally:
        connection.close()
