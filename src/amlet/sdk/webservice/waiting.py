"""Wait until a service answers, with v1's lines (v1-behaviours 15.3, 15.22)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Optional

from amlet.domain.service import FAILED, HEALTHY, Service
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.webservice.finding import find

if TYPE_CHECKING:
    from amlet.sdk.webservice.webservice import Webservice

WAIT_S = 20.0


def wait(service: Webservice, *, show_output: bool, timeout_s: Optional[float]) -> None:
    """See `Webservice.wait_for_deployment`."""
    if show_output:
        print(
            "Tips: You can try get_logs(), which holds all that the service printed, if anything goes wrong.\nRunning",
            flush=True,
        )
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    after, told = -1, None
    while True:
        wait_s = WAIT_S if deadline is None else max(0.0, min(WAIT_S, deadline - time.monotonic()))
        service._known = record = find(service.workspace, service._name, after, wait_s, version=service._version)
        if show_output and record.step != told:
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S%z')} {record.step.rstrip('.')}.", flush=True)
        told = record.step
        if record.state == HEALTHY:
            break
        if record.state == FAILED:
            raise service._failed(show_output=show_output)
        after = record.changes
        if deadline is not None and time.monotonic() >= deadline:
            raise WebserviceException(
                f"Service {service.name} is not ready after {timeout_s:g} s: it is {service.state}, {told}.",
                hint="wait_for_deployment() waits on; get_logs() tells what it printed.",
            )
    if show_output:
        ended = f'{service.compute_type} service creation operation finished, operation "Succeeded"'
        print(f"Succeeded\n{ended}", flush=True)


def failure(name: str, record: Service) -> WebserviceException:
    """v1's exception of a deployment that failed, with the traceback of the service's process."""
    error = record.error or "Nothing more is known."
    told = {"code": "DeploymentFailed", "statusCode": 400, "message": error.split("\n", 1)[0]}
    return WebserviceException(
        "Service deployment polling reached non-successful terminal state, current service state: "
        f"{record.state}\nOperation ID: {name}-{record.revision}\n"
        f"More information can be found using '.get_logs()'\nError:\n{json.dumps(told, indent=2)}\n{error}",
        hint="service.get_logs() holds all that it printed.",
    )
