"""Requests and answers about services."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.deployment import Deployment
from amlet.domain.service import Service, TrafficShare


class DeployService(NamedTuple):
    """Want a service, an endpoint, or a version of an endpoint."""

    name: str
    deployment: Deployment
    source: List[Entry] = []
    """The entry script's folder; empty where the deployment names a `source_id` that the service has already."""
    overwrite: bool = False
    description: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}
    properties: Dict[str, str] = {}
    primary_key: Optional[str] = None
    """None: one is made, where the service needs keys."""
    secondary_key: Optional[str] = None
    request_id: str = ""
    """Chosen by the client: the same request sent twice makes one revision."""
    version: str = ""
    """Of the endpoint `name`: the version to make. The endpoint is made first, by a request without one."""
    traffic: Optional[int] = None
    """Of a version: percent of the requests; None: 0, or 100 for the first one."""
    is_default: bool = False
    """The first version is it in any case."""
    is_control: bool = False


class UpdateService(NamedTuple):
    """Change a service; None leaves what there is. Names it or, with `version`, a version of that endpoint."""

    deployment: Optional[Deployment] = None
    """The whole new one: what `services.get` gave, with the changes."""
    source: Optional[List[Entry]] = None
    """The entry script's folder, when it changes."""
    known: Optional[int] = None
    """The service's `changes` that the new deployment was made from: it is a Conflict when it has changed meanwhile."""
    restart: bool = False
    """Make a revision though nothing differs: the entry script is read again."""
    description: Optional[str] = None
    tags: Optional[Dict[str, Optional[str]]] = None
    properties: Optional[Dict[str, str]] = None
    request_id: str = ""
    version: str = ""
    traffic: Optional[int] = None
    is_default: Optional[bool] = None
    is_control: Optional[bool] = None


class DeployAnswer(NamedTuple):
    """The service; or the blobs to send first, and then nothing was recorded."""

    service: Optional[Service]
    missing: List[str]
    notes: List[str] = []
    """What the user should know: a version that is not the one trained with, a setting without effect."""


class ServiceQuery(NamedTuple):
    """One service, or its next change: `changes` beyond `after`, waited for at most `wait_s` seconds."""

    after: int = -1
    wait_s: float = 0.0
    version: str = ""


class VersionQuery(NamedTuple):
    """Which version of an endpoint; empty: the service itself, with its versions."""

    version: str = ""


class Services(NamedTuple):
    services: List[Service]


class TailQuery(NamedTuple):
    """The last `lines` of a log, or all from the byte `offset` on, waited for at most `wait_s` seconds.

    The answer tells the log's size as that of the whole file: from there the next call goes on.
    """

    lines: int = 5000
    offset: Optional[int] = None
    wait_s: float = 0.0
    version: str = ""


class ServiceKeys(NamedTuple):
    """Both open the service, so that one can be turned over while clients still have the other."""

    primary: str
    secondary: str


PRIMARY, SECONDARY = "primary", "secondary"


class RegenerateKey(NamedTuple):
    which: str
    """`primary` or `secondary`."""
    key: Optional[str] = None
    """None: one is made."""


class ServiceToken(NamedTuple):
    token: str
    expires: datetime
    refresh_after: datetime
    """From then on a new one should be asked for."""


class SetTraffic(NamedTuple):
    """How an endpoint's requests are split; versions not named get none. What is short of 100 goes to the default."""

    shares: List[TrafficShare]
    default: Optional[str] = None
    """None leaves it."""
