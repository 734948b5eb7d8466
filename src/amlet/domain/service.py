"""Services: deployed models, and the states they pass through."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Tree
from amlet.domain.environment import Lock
from amlet.domain.job import Share
from amlet.domain.model import Resources

TRANSITIONING = "Transitioning"
UNHEALTHY = "Unhealthy"
HEALTHY = "Healthy"
FAILED = "Failed"
"""v1-behaviours 15.23."""


class Service(NamedTuple):
    """A deployed model: what is wanted, and how it is."""

    workspace_id: str
    name: str
    state: str
    model_ids: List[str]
    revision: int
    """Counts deployments under this name, from 1."""
    lock_id: Optional[str]
    resources: Optional[Resources]
    address: Optional[str]
    """`http://127.0.0.1:6789`, once it listens; kept over restarts and updates."""
    step: str
    """What the deployment does now, in words."""
    error: Optional[str]
    """Why it failed, with the replica's traceback."""
    description: Optional[str]
    tags: Dict[str, Optional[str]]
    properties: Dict[str, str]
    created: datetime
    updated: datetime
    changes: int
    """Grows with every change that a watcher would want to see."""
    target: Optional[str] = None
    """The serving target that it was deployed to; None: this machine."""


class ReplicaModel(NamedTuple):
    """A model as a replica sees it: its files lie at `<name>/<version>` below AZUREML_MODEL_DIR's root."""

    id: str
    name: str
    version: int
    framework: Optional[str]
    framework_version: Optional[str]
    """What it was registered with; without a lock of its run, the only word of what trained it."""
    files: Tree


class Capture(NamedTuple):
    """What a service keeps of the requests that it answers."""

    inputs: bool = False
    predictions: bool = False
    share: float = 1.0
    """Of the requests, chosen at random, from 0 to 1."""


class ReplicaSettings(NamedTuple):
    """How a service answers. A change of `key_hashes` or `token_secret` alone reaches running replicas."""

    scoring_timeout_ms: int = 60_000
    """v1-behaviours 15.21."""
    max_concurrent: Optional[int] = None
    """Calls of the model at a time in one replica, a batch being one call; None: as many as come."""
    max_wait_ms: Optional[int] = None
    """How long a request may wait for its turn before it is told 503; None: as long as its client does."""
    cors_origins: List[str] = []
    """Origins that a browser's page may ask from; "*" is every one."""
    key_hashes: Optional[List[str]] = None
    """The sha256, in hex, of each valid key; None, with no `token_secret` either: the service is open."""
    token_secret: Optional[str] = None
    """What tokens are signed with: see `domain/service_token.py`."""
    method: Optional[str] = None
    """What a request calls that names no method; None: `predict_proba` where the model has it, else `predict`."""
    trusted: List[str] = []
    """Types that a `.skops` file may make beside those that skops itself trusts: `my_package.MyTransformer`."""
    batching: bool = True
    accelerate: bool = False
    """Answer from an ONNX twin of the model, where it agrees with the model."""
    any_version: bool = False
    """Serve a model of scikit-learn also by another version than the one that trained it."""
    trained_with: Optional[str] = None
    """The version of scikit-learn that trained the model, where it is known."""
    capture: Optional[Capture] = None
    variables: Dict[str, str] = {}
    """The environment's own variables, for the entry script."""
    sample_request: Optional[str] = None
    """A request's body, as JSON; shown in the service's description and asked at the start."""
    sample_answer: Optional[str] = None
    """What the model answered to it when it was registered, as JSON."""


class ReplicaLease(NamedTuple):
    """The scoring processes of one revision of a service, which a node keeps alive until told to end them."""

    workspace_id: str
    service: str
    revision: int
    models: List[ReplicaModel]
    lock: Lock
    share: Share
    """Of each process."""
    port: Optional[int]
    """The port to take again; None lets the node choose."""
    host: str
    entry_script: Optional[str] = None
    """The path of the script below `source`; None: the one model is served without code."""
    source: Optional[Tree] = None
    """The entry script's folder."""
    settings: ReplicaSettings = ReplicaSettings()
    processes: int = 1
    """How many processes answer on the port; may change while they run."""


class ReplicaLoad(NamedTuple):
    """What the processes of a service did, summed since each of them started."""

    requests: int
    errors: int
    """Answers of 500 and above."""
    busy_s: float
    """Time spent in the model or the script."""
    waiting: int
    """Requests that wait for their turn, now."""
