"""Deployments: what a user asks of a service; a change of one makes the service's next revision."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from amlet.domain.environment import EnvironmentSpec
from amlet.domain.model import Resources

LOCAL_SERVICE, ACI_SERVICE, AKS_SERVICE, ENDPOINT = "local", "aci", "aks", "endpoint"
"""What kind of service v1 would have made. All are answered by replicas; an endpoint's versions are services of AKS."""
KINDS = (LOCAL_SERVICE, ACI_SERVICE, AKS_SERVICE, ENDPOINT)

OPEN, BY_KEY, BY_TOKEN = "none", "key", "token"
"""Who may ask a service."""
ACCESSES = (OPEN, BY_KEY, BY_TOKEN)


class Autoscale(NamedTuple):
    """Between how many processes a service may grow and shrink by its load (v1-behaviours 15.21)."""

    min_replicas: int = 1
    max_replicas: int = 10
    target_utilization: int = 70
    """Percent of the time in which the processes may be at work, before there are to be more."""
    refresh_s: int = 1
    """How often the load is looked at."""


class Capture(NamedTuple):
    """What a service keeps of the requests that it answers."""

    inputs: bool = False
    predictions: bool = False
    share: float = 1.0
    """Of the requests, chosen at random, from 0 to 1."""
    keep_days: int = 30
    keep_bytes: int = 1 << 30
    """What is older, and the oldest of what takes more on the disk, is deleted; also when the service has gone."""


class Deployment(NamedTuple):
    """What serves, and how. None leaves a setting to the server."""

    model_ids: List[str] = []
    """`iris:3` each. Without an entry script exactly one; with one, none or several too. An endpoint has none."""
    kind: str = LOCAL_SERVICE
    target: Optional[str] = None
    """The serving target of the workspace; None: this machine."""
    port: Optional[int] = None
    """The port asked for; None: one is chosen once and kept."""
    entry_script: Optional[str] = None
    """Its path below the folder of sources; None: the model is served without code."""
    source_id: str = ""
    """The tree of the entry script's folder. Set by the server from what is sent; given back to keep it."""
    environment: Optional[EnvironmentSpec] = None
    """What the replicas run in; None: that of the run which made the (first) model, else what suits the model."""
    method: Optional[str] = None
    """Without code: the model's method for requests that name none."""
    resources: Optional[Resources] = None
    """Of one process: cores, memory. The memory is a limit where `limits` has none. None: the model's own."""
    limits: Optional[Resources] = None
    replicas: Optional[int] = None
    """How many processes answer; None: one, or as `autoscale` says."""
    autoscale: Optional[Autoscale] = None
    auth: str = OPEN
    scoring_timeout_ms: Optional[int] = None
    max_wait_ms: Optional[int] = None
    """How long a request may wait for its turn before it is told 503; None: as long as its client does."""
    max_concurrent: Optional[int] = None
    """Calls of the model or the script at a time in one process."""
    cors_origins: List[str] = []
    capture: Optional[Capture] = None
    trusted: List[str] = []
    """Types that a `.skops` file may make beside those that skops itself trusts."""
    batching: bool = True
    accelerate: bool = False
    any_version: bool = False
    """Serve a model of scikit-learn also by another version than the one that trained it."""
    variables: Dict[str, str] = {}
    """Environment variables, beside the environment's own."""
    sample_request: Optional[str] = None
    """A request's body, as JSON."""
    sample_answer: Optional[str] = None
    details: Dict[str, Any] = {}
    """What v1 knows of a deployment and nothing here depends on. Kept and given back."""

    @property
    def least_processes(self) -> int:
        """How many processes answer when nobody asks."""
        if self.replicas is not None:
            return self.replicas
        return self.autoscale.min_replicas if self.autoscale is not None else 1


def same_revision(before: Deployment, after: Deployment) -> bool:
    """Whether the running processes of one deployment can go on as those of the other: it differs in how many there
    are and in who may ask, which running ones take in.
    """
    return _fixed(before) == _fixed(after)


def _fixed(deployment: Deployment) -> Deployment:
    return deployment._replace(kind=LOCAL_SERVICE, target=None, replicas=None, autoscale=None, auth=OPEN, details={})
