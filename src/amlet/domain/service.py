"""Services: deployed models, and the states they pass through."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Tree
from amlet.domain.deployment import Autoscale, Capture, Deployment
from amlet.domain.environment import Lock
from amlet.domain.job import Share

TRANSITIONING = "Transitioning"
UNHEALTHY = "Unhealthy"
HEALTHY = "Healthy"
FAILED = "Failed"
"""v1-behaviours 15.23."""


LATENCY_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
"""Upper bounds of the histograms of a service; a value equal to one belongs to it."""


class Revision(NamedTuple):
    """One deployment under a service's name."""

    number: int
    """Counts from 1."""
    deployment: Deployment
    lock_id: Optional[str]
    """None until its environment is resolved."""


class Service(NamedTuple):
    """A deployed model: what is wanted, and how it is."""

    workspace_id: str
    name: str
    state: str
    deployment: Deployment
    revision: int
    """Counts deployments under this name, from 1."""
    lock_id: Optional[str]
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
    version: str = ""
    """Of an endpoint: the name of this version. Empty for the endpoint itself and every other service."""
    traffic: int = 0
    """Of a version: the percent of the endpoint's requests that it gets, beside what is left over for the default."""
    is_default: bool = False
    """The version that gets what no version has a share of."""
    is_control: bool = False
    """v1's mark of the version that others are compared with."""
    processes: int = 0
    """How many answer now; of an endpoint, how many versions get requests."""

    @property
    def model_ids(self) -> List[str]:
        return self.deployment.model_ids

    @property
    def target(self) -> Optional[str]:
        return self.deployment.target


class Placement(NamedTuple):
    """The processes of one revision on one node, of a service that is spread over the nodes of a compute target."""

    node: str
    revision: int
    processes: int
    """How many it is to hold."""
    leaving: bool = False
    """It is to end them, and has not said yet that it has."""
    state: str = TRANSITIONING
    """As the node tells it, and what follows too."""
    answering: int = 0
    host: Optional[str] = None
    port: Optional[int] = None
    error: Optional[str] = None
    told_ns: int = 0
    """When the node said so, by its machine's clock."""

    @property
    def is_reached(self) -> bool:
        """Whether requests can be sent there."""
        return bool(self.answering and self.host and self.port)


class ReplicaModel(NamedTuple):
    """A model as a replica sees it: its files lie at `<name>/<version>` below AZUREML_MODEL_DIR's root."""

    id: str
    name: str
    version: int
    framework: Optional[str]
    framework_version: Optional[str]
    """What it was registered with; without a lock of its run, the only word of what trained it."""
    files: Tree


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
    router_hash: Optional[str] = None
    """The sha256, in hex, of what the service's router shows with each request; None: whoever reaches it may ask."""
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
    """The scoring processes of one revision of a service, which a node keeps alive until told to end them.

    Two revisions of one service answer on one port while the later one takes over.
    """

    workspace_id: str
    service: str
    revision: int
    models: List[ReplicaModel]
    lock: Lock
    share: Share
    """Of each process."""
    port: Optional[int]
    """The port to take again; None lets the node choose."""
    host: Optional[str]
    """Where they listen; None: at the node's own address, as the server's machine has it, on a port of this revision's
    alone. Its router is the only one to ask there.
    """
    entry_script: Optional[str] = None
    """The path of the script below `source`; None: the one model is served without code."""
    source: Optional[Tree] = None
    """The entry script's folder."""
    settings: ReplicaSettings = ReplicaSettings()
    processes: int = 1
    """How many processes answer on the port; may change while they run."""
    autoscale: Optional[Autoscale] = None
    """The node may have more of them, by their load; may change while they run."""
    version: str = ""
    """Of an endpoint: which of its versions this is. It answers on a port of its own that the node chooses."""
    holds_cores: bool = False
    """Each process may use no more cores than its share."""
    is_proven: bool = False
    """It has answered before: what keeps it from it now is not in its models or its script, so it is tried again."""
    report_s: Optional[float] = None
    """How often the server needs to know the load, to decide how many processes there should be; None: seldom."""


class TrafficShare(NamedTuple):
    """What part of an endpoint's requests one of its versions gets."""

    version: str
    percent: int


class Place(NamedTuple):
    """Where processes of a service, or of a version of an endpoint, answer its router."""

    version: str
    host: str
    port: int
    processes: int


class RouterLease(NamedTuple):
    """The process that holds the port of an endpoint, or of a service on several nodes, and hands each request on."""

    workspace_id: str
    service: str
    revision: int
    port: Optional[int]
    host: str
    shares: List[TrafficShare]
    """They sum to 100; empty while there is no version. A service has one, of no name. May change while it runs."""
    places: List[Place] = []
    """Of versions on other nodes; those that have none are held by this node. May change while it runs."""
    secret: str = ""
    """What it shows to the replicas on other nodes."""
    number: int = 0
    """Changes with the shares and the places; it is told back once requests go by them."""
    is_endpoint: bool = True


class ReplicaLoad(NamedTuple):
    """What the processes of a service did, summed since each of them started."""

    requests: int
    errors: int
    """Answers of 500 and above."""
    busy_s: float
    """Time spent in the model or the script."""
    waiting: int
    """Requests that wait for their turn, now."""
    working: int = 0
    """Requests that are worked on, now."""
    latency: List[int] = []
    """Answers by their time, as many as `LATENCY_S` has bounds and one: those above the last."""
    batches: List[int] = []
    """Calls of the model by their rows, the same of `BATCH_SIZES`."""
