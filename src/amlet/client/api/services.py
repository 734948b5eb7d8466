"""Deployed models."""

from __future__ import annotations

from typing import Optional

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.domain.service import Service
from amlet.wire import routes
from amlet.wire.runs import WatchQuery
from amlet.wire.server import Done
from amlet.wire.services import DeployService, Services, TailQuery

_AT_ONCE = WatchQuery()
_TAIL = TailQuery()


class ServicesApi(Noun):
    def deploy(self, workspace_id: str, body: DeployService) -> Service:
        """Serve a model."""
        return self._call(Service, routes.SERVICE_DEPLOY, workspace_id, body=body)

    def list(self, workspace_id: str) -> Services:
        """All services."""
        return self._call(Services, routes.SERVICE_LIST, workspace_id)

    def get(
        self, workspace_id: str, name: str, query: WatchQuery = _AT_ONCE, *, patience_s: Optional[float] = None
    ) -> Service:
        """One service, or its next change."""
        return self._call(Service, routes.SERVICE_GET, workspace_id, name, query=query, patience_s=patience_s)

    def logs(self, workspace_id: str, name: str, query: TailQuery = _TAIL) -> Body:
        """The last lines of its replicas."""
        return self._call(Body, routes.SERVICE_LOGS, workspace_id, name, query=query)

    def delete(self, workspace_id: str, name: str) -> Done:
        """End and delete a service."""
        return self._call(Done, routes.SERVICE_DELETE, workspace_id, name)
