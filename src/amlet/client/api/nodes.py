"""What a node asks and tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.wire import routes
from amlet.wire.files import AppendQuery, SizeAnswer
from amlet.wire.nodes import (
    AttemptQuery,
    AttemptStarted,
    EndRank,
    GangAnswer,
    JoinGang,
    LeaseAnswer,
    LeaseState,
    LiveAnswer,
    LiveOutputs,
    NodeHello,
    NodeWelcome,
    RenewLease,
    SettleAnswer,
    SettleAttempt,
    SyncReplicas,
    TakeLease,
    WantedReplicas,
)
from amlet.wire.server import Done
from amlet.wire.services import VersionQuery

if TYPE_CHECKING:
    from amlet.client.pool import Data

_ITSELF = VersionQuery()


class NodesApi(Noun):
    def hello(self, body: NodeHello) -> NodeWelcome:
        """A node presents itself."""
        return self._call(NodeWelcome, routes.NODE_HELLO, body=body)

    def take(self, body: TakeLease, *, patience_s: Optional[float] = None) -> LeaseAnswer:
        """Ask for work."""
        return self._call(LeaseAnswer, routes.NODE_TAKE, body=body, patience_s=patience_s)

    def renew(
        self, workspace_id: str, run_id: str, body: RenewLease, *, patience_s: Optional[float] = None
    ) -> LeaseState:
        """Keep a lease."""
        return self._call(LeaseState, routes.NODE_RENEW, workspace_id, run_id, body=body, patience_s=patience_s)

    def started(self, workspace_id: str, run_id: str, body: AttemptStarted) -> Done:
        """The script runs."""
        return self._call(Done, routes.NODE_STARTED, workspace_id, run_id, body=body)

    def append_log(
        self, workspace_id: str, run_id: str, data: Data, size_bytes: Optional[int], query: AppendQuery
    ) -> SizeAnswer:
        """Bring bytes of a log."""
        return self._call(
            SizeAnswer, routes.NODE_APPEND, workspace_id, run_id, data=data, size_bytes=size_bytes, query=query
        )

    def put_outputs(self, workspace_id: str, run_id: str, body: LiveOutputs) -> LiveAnswer:
        """What is in ./outputs while the script runs."""
        return self._call(LiveAnswer, routes.NODE_OUTPUTS, workspace_id, run_id, body=body)

    def finalizing(self, workspace_id: str, run_id: str, body: AttemptQuery) -> Done:
        """The script has ended; its outputs follow."""
        return self._call(Done, routes.NODE_FINALIZING, workspace_id, run_id, body=body)

    def settle(self, workspace_id: str, run_id: str, body: SettleAttempt) -> SettleAnswer:
        """How it ended."""
        return self._call(SettleAnswer, routes.NODE_SETTLE, workspace_id, run_id, body=body)

    def join(self, workspace_id: str, run_id: str, body: JoinGang, *, patience_s: Optional[float] = None) -> GangAnswer:
        """Wait for the run's other nodes."""
        return self._call(GangAnswer, routes.NODE_JOIN, workspace_id, run_id, body=body, patience_s=patience_s)

    def end_rank(self, workspace_id: str, run_id: str, body: EndRank) -> SettleAnswer:
        """How one node's part of it ended."""
        return self._call(SettleAnswer, routes.NODE_END_RANK, workspace_id, run_id, body=body)

    def sync_replicas(self, body: SyncReplicas, *, patience_s: Optional[float] = None) -> WantedReplicas:
        """Tell the replicas held, learn those wanted."""
        return self._call(WantedReplicas, routes.NODE_REPLICAS, body=body, patience_s=patience_s)

    def parcel(self, digest: str) -> Body:
        """What a node brings along to its machine."""
        return self._call(Body, routes.NODE_PARCEL, digest)

    def append_service_log(
        self, workspace_id: str, name: str, data: Data, size_bytes: Optional[int], query: VersionQuery = _ITSELF
    ) -> Done:
        """Bring lines of a replica's log."""
        return self._call(
            Done, routes.NODE_SERVICE_LOG, workspace_id, name, data=data, size_bytes=size_bytes, query=query
        )
