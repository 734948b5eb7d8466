"""Profiles: what requests cost on this machine, measured by a service that is made for it (v1-behaviours 14.11)."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Union

from amlet.base.ids import uuid4_text
from amlet.base.paths import Home, owner_only
from amlet.domain.deployment import ACI_SERVICE, Deployment
from amlet.runtime.process import ProcessMark, mark_of
from amlet.sdk.deployment import chosen_models, with_inference, with_models
from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.local_work import FAILED, RUNNING, LocalWork, wait_until_over
from amlet.sdk.webservice.configuration import is_number
from amlet.sdk.webservice.settings import resources_of

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

MIN_PROFILE_CPU, MAX_PROFILE_CPU = 0.1, 3.5
MIN_PROFILE_MEMORY, MAX_PROFILE_MEMORY = 0.1, 15.0
"""v1-behaviours 14.11."""

LONGEST_S = 60.0
"""Requests are repeated for at most so long."""
LEAST_REQUESTS = 100
"""Rows are asked again until there were so many, or the time is over."""
MEMORY_ROOM = 1.25
"""What is recommended, over the most that was held."""

MEASURED_BY = "amlet.measured_by"
"""A property of the service that is made for it: whose process deletes it."""

PERCENTILES = {"50": 0.5, "90": 0.9, "95": 0.95, "99": 0.99, "999": 0.999}


class ModelProfile:
    """What requests cost. It lies in AMLET_HOME of this machine.

    Args:
        workspace: Where the models are registered.
        name: Which profile.

    Raises:
        WebserviceException: if this machine has no such profile.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self._record = _read(workspace, name)

    @property
    def state(self) -> str:
        """`Running`, `Succeeded` or `Failed`, when it was last asked for."""
        return str(self._record["state"])

    @property
    def recommended_cpu(self) -> Optional[float]:
        """Cores that a replica should be given: what it used while it answered one request after the other."""
        value: Optional[float] = self._record.get("recommendedCpu")
        return value

    @property
    def recommended_memory(self) -> Optional[float]:
        """Memory that a replica should be given, in GB: a quarter more than it ever held."""
        value: Optional[float] = self._record.get("recommendedMemoryInGB")
        return value

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Wait until it is measured.

        Args:
            show_output: Print the states.

        Raises:
            WebserviceException: if it could not be measured.
        """
        if show_output:
            print(RUNNING, flush=True)
        wait_until_over(self._look)
        if show_output:
            print(self.state, flush=True)
        if self.state == FAILED:
            raise WebserviceException(f"Profile {self.name} could not be measured: {self._record['error']}")

    def get_details(self) -> Dict[str, Any]:
        """What was measured, under v1's keys: latencies in ms, memory in GB; only states until it is over."""
        self._look()
        hidden = ("process",)
        found = {key: value for key, value in self._record.items() if key not in hidden and value is not None}
        if self.state == FAILED:
            return found
        found.pop("error", None)
        return found

    def serialize(self) -> Dict[str, Any]:
        """The profile under v1's keys."""
        return {**self.get_details(), "workspaceName": self.workspace.name}

    def __repr__(self) -> str:
        return (
            f"ModelProfile(name={self.name!r}, state={self.state!r}, recommended_cpu={self.recommended_cpu}, "
            f"recommended_memory={self.recommended_memory})"
        )

    def _look(self) -> str:
        self._record = _read(self.workspace, self.name)
        return self.state


def profile(
    workspace: Workspace,
    name: str,
    models: Any,
    inference_config: Any,
    input_dataset: Any,
    cpu: Optional[float],
    memory_in_gb: Optional[float],
    description: Optional[str],
) -> ModelProfile:
    """See `Model.profile`."""
    faults = []
    if not isinstance(name, str) or not name.strip() or len(name) > 255:
        faults.append(f"profile_name must be a text of 1 to 255 characters, not {name!r}")
    for what, value, least, most in (
        ("cpu", cpu, MIN_PROFILE_CPU, MAX_PROFILE_CPU),
        ("memory_in_gb", memory_in_gb, MIN_PROFILE_MEMORY, MAX_PROFILE_MEMORY),
    ):
        if value is not None and not (is_number(value) and least <= value <= most):
            faults.append(f"{what} must be from {least} to {most}, not {value!r}")
    if faults:
        raise WebserviceException(f"Invalid profile: {'; '.join(faults)}.")
    requests = requests_of(input_dataset)
    deployment = Deployment(kind=ACI_SERVICE, resources=resources_of(None, cpu, memory_in_gb))
    wanted = with_inference(with_models(deployment, chosen_models(workspace, models)), inference_config)
    path = _path(workspace, name)
    owner_only(path.parent)
    record = {
        "name": name,
        "description": description,
        "createdTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "modelIds": list(wanted.deployment.model_ids),
        "requestedCpu": cpu,
        "requestedMemoryInGB": memory_in_gb,
    }
    LocalWork(path).start(record, lambda: _measure(workspace, wanted, requests))
    return ModelProfile(workspace, name)


def requests_of(dataset: Any) -> List[str]:
    """The bodies of the requests that a dataset holds.

    Raises:
        UserErrorException: if it is no TabularDataset of one column of texts.
    """
    if not hasattr(dataset, "to_pandas_dataframe"):
        raise UserErrorException(f"input_dataset must be a TabularDataset, not {type(dataset).__name__}.")
    frame = dataset.to_pandas_dataframe()
    if len(frame.columns) != 1 or not len(frame):
        raise UserErrorException(
            f"input_dataset must have one column and rows in it; it has {len(frame.columns)} columns and "
            f"{len(frame)} rows.",
            hint="one text a row, each the body of a request: TabularDatasetFactory.from_delimited_files(...).",
        )
    values = list(frame[frame.columns[0]])
    if not all(isinstance(value, str) for value in values):
        raise UserErrorException("input_dataset must hold texts, each the body of a request.")
    return values


class Usage(NamedTuple):
    """What a replica has used since it started."""

    cpu_s: float
    peak_bytes: int


def usage_of(metrics: str) -> Usage:
    """Read what the service's `/metrics` say."""
    found = dict(re.findall(r"^(amlet_cpu_seconds_total|amlet_peak_memory_bytes) (\S+)$", metrics, re.MULTILINE))
    return Usage(float(found["amlet_cpu_seconds_total"]), int(float(found["amlet_peak_memory_bytes"])))


def summary(latencies_s: Sequence[float], successes: int, before: Usage, after: Usage) -> Dict[str, Any]:
    """v1's figures.

    Args:
        latencies_s: Of all requests, in seconds, in any order; not empty.
        successes: How many of them were answered with 200.
    """
    ordered = sorted(latencies_s)
    total_s = sum(ordered)
    cores = max(0.0, after.cpu_s - before.cpu_s) / total_s if total_s else 0.0
    memory_gb = after.peak_bytes / (1 << 30)
    percentiles = {
        f"latencyPercentile{name}InMs": round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000, 3)
        for name, part in PERCENTILES.items()
    }
    return {
        "totalQueries": len(ordered),
        "successQueries": successes,
        "successRate": round(100.0 * successes / len(ordered), 2),
        "averageLatencyInMs": round(total_s / len(ordered) * 1000, 3),
        **percentiles,
        "measuredQueriesPerSecond": round(len(ordered) / total_s, 1) if total_s else None,
        "maxUtilizedCpu": round(cores, 2),
        "maxUtilizedMemoryInGB": round(memory_gb, 3),
        "recommendedCpu": max(MIN_PROFILE_CPU, math.ceil(cores * 10) / 10),
        "recommendedMemoryInGB": max(MIN_PROFILE_MEMORY, math.ceil(memory_gb * MEMORY_ROOM * 10) / 10),
    }


def _measure(workspace: Workspace, wanted: Any, requests: List[str]) -> Dict[str, Any]:
    from amlet.sdk.deploy import send
    from amlet.sdk.webservice.aci_configuration import AciServiceDeploymentConfiguration
    from amlet.sdk.webservice.finding import class_of

    _end_left_over(workspace)
    config = AciServiceDeploymentConfiguration(properties={MEASURED_BY: json.dumps(mark_of())})
    record = send(workspace, config._request(f"profile-{uuid4_text()[:12]}"), wanted, config)
    service = class_of(record)._of(workspace, record)
    try:
        service.wait_for_deployment()
        return _ask_all(service, requests)
    finally:
        service.delete()


def _end_left_over(workspace: Workspace) -> None:
    """Delete what processes that were killed while they measured have left."""
    from amlet.sdk.webservice import Webservice

    for service in Webservice.list(workspace, properties=[MEASURED_BY]):
        if not ProcessMark(*json.loads(service.properties[MEASURED_BY])).is_alive():
            service.delete()


def _ask_all(service: Any, requests: List[str]) -> Dict[str, Any]:
    """Ask one request after the other, over one connection."""
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    parts = urlsplit(service.scoring_uri)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=LONGEST_S)

    def ask(method: str, path: str, body: Union[str, None] = None) -> Any:
        sent = None if body is None else body.encode("utf-8")
        connection.request(method, path, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    try:
        status, told = ask("POST", parts.path, requests[0])
        if status != 200:
            return {"error": f"The first request was answered with {status}: {told.decode('utf-8', 'replace')[:500]}"}
        before = usage_of(ask("GET", "/metrics")[1].decode("ascii"))
        latencies: List[float] = []
        successes = 0
        until_s = time.perf_counter() + LONGEST_S
        while len(latencies) < max(LEAST_REQUESTS, len(requests)) and time.perf_counter() < until_s:
            began_s = time.perf_counter()
            status, _ = ask("POST", parts.path, requests[len(latencies) % len(requests)])
            latencies.append(time.perf_counter() - began_s)
            successes += status == 200
        return summary(latencies, successes, before, usage_of(ask("GET", "/metrics")[1].decode("ascii")))
    finally:
        connection.close()


def _path(workspace: Workspace, name: str) -> Path:
    digest = hashlib.sha256(json.dumps([workspace._connection.workspace_id, name]).encode("utf-8")).hexdigest()
    return Home.find().profiles / f"{digest[:24]}.json"


def _read(workspace: Workspace, name: str) -> Dict[str, Any]:
    try:
        return LocalWork(_path(workspace, name)).read()
    except (OSError, ValueError) as error:
        raise WebserviceException(
            f"There is no profile {name!r} of this workspace on this machine.", hint="Model.profile makes one."
        ) from error
