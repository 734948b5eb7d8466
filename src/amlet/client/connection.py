"""The client: every noun of the server as an attribute, every route as a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from amlet.client.api.blobs import BlobsApi
from amlet.client.api.computes import ComputesApi
from amlet.client.api.datasets import DatasetsApi
from amlet.client.api.datastores import DatastoresApi
from amlet.client.api.environments import EnvironmentsApi
from amlet.client.api.experiments import ExperimentsApi
from amlet.client.api.models import ModelsApi
from amlet.client.api.nodes import NodesApi
from amlet.client.api.runs import RunsApi
from amlet.client.api.secrets import SecretsApi
from amlet.client.api.server import ServerApi
from amlet.client.api.services import ServicesApi
from amlet.client.api.sweeps import SweepsApi
from amlet.client.api.workspaces import WorkspacesApi
from amlet.client.transport import PATIENCE_S, Refresh, Transport

if TYPE_CHECKING:
    from amlet.base.clock import Clock


class Client:
    """A server, as its callers see it. Safe from any thread and after a fork; every method blocks.

    A method takes the parameters of its route's path, in order, then the body (a record; or bytes, or what opens a
    fresh stream of them, and their size), then the query's record. See `Transport` for what is tried again.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience_s: float = PATIENCE_S,
        refresh: Optional[Refresh] = None,
        log_path: Optional[str] = None,
        via: str = "",
        clock: Optional[Clock] = None,
    ) -> None:
        """See `Transport` for the arguments. Nothing is sent yet."""
        transport = Transport(
            url, token, patience_s=patience_s, refresh=refresh, log_path=log_path, via=via, clock=clock
        )
        self._bind(transport, None)

    @classmethod
    def over(cls, transport: Transport, patience_s: Optional[float] = None) -> Client:
        """A client over a transport that is there already."""
        client = cls.__new__(cls)
        client._bind(transport, patience_s)
        return client

    @property
    def url(self) -> str:
        """Where the server was last found."""
        return self.transport.url

    @property
    def token(self) -> str:
        return self.transport.token

    @property
    def patience_s(self) -> float:
        """How long a call goes on after its first failure."""
        return self.transport.patience_s if self._patience_s is None else self._patience_s

    def patient(self, patience_s: float) -> Client:
        """The same server over the same connections, with another patience: `math.inf` waits for ever, 0 not at all."""
        return Client.over(self.transport, patience_s)

    def close(self) -> None:
        """Close the idle connections. The client may be used again."""
        self.transport.close()

    def _bind(self, transport: Transport, patience_s: Optional[float]) -> None:
        self.transport = transport
        self._patience_s = patience_s
        self.server = ServerApi(transport, patience_s)
        self.workspaces = WorkspacesApi(transport, patience_s)
        self.experiments = ExperimentsApi(transport, patience_s)
        self.blobs = BlobsApi(transport, patience_s)
        self.environments = EnvironmentsApi(transport, patience_s)
        self.computes = ComputesApi(transport, patience_s)
        self.runs = RunsApi(transport, patience_s)
        self.nodes = NodesApi(transport, patience_s)
        self.models = ModelsApi(transport, patience_s)
        self.services = ServicesApi(transport, patience_s)
        self.datastores = DatastoresApi(transport, patience_s)
        self.datasets = DatasetsApi(transport, patience_s)
        self.secrets = SecretsApi(transport, patience_s)
        self.sweeps = SweepsApi(transport, patience_s)
