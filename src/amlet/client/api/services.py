"""Deployed models."""

from __future__ import annotations

from typing import Optional

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.domain.service import Service
from amlet.wire import routes
from amlet.wire.server import Done
from amlet.wire.services import (
    DeployAnswer,
    DeployService,
    RegenerateKey,
    ServiceKeys,
    ServiceQuery,
    Services,
    ServiceToken,
    SetTraffic,
    TailQuery,
    UpdateService,
    VersionQuery,
)

_AT_ONCE = ServiceQuery()
_ITSELF = VersionQuery()
_TAIL = TailQuery()


class ServicesApi(Noun):
    def deploy(self, workspace_id: str, body: DeployService) -> DeployAnswer:
        """Serve models: a service, or a version of an endpoint. The answer may ask for blobs first."""
        return self._call(DeployAnswer, routes.SERVICE_DEPLOY, workspace_id, body=body)

    def list(self, workspace_id: str) -> Services:
        """All services, endpoints without their versions."""
        return self._call(Services, routes.SERVICE_LIST, workspace_id)

    def get(
        self, workspace_id: str, name: str, query: ServiceQuery = _AT_ONCE, *, patience_s: Optional[float] = None
    ) -> Service:
        """One service, or its next change."""
        return self._call(Service, routes.SERVICE_GET, workspace_id, name, query=query, patience_s=patience_s)

    def update(self, workspace_id: str, name: str, body: UpdateService) -> DeployAnswer:
        """Change a service without an outage. The answer may ask for blobs first."""
        return self._call(DeployAnswer, routes.SERVICE_UPDATE, workspace_id, name, body=body)

    def versions(self, workspace_id: str, name: str) -> Services:
        """The versions of an endpoint, by name."""
        return self._call(Services, routes.SERVICE_VERSIONS, workspace_id, name)

    def set_traffic(self, workspace_id: str, name: str, body: SetTraffic) -> Services:
        """Split an endpoint's requests between its versions; the versions as they are then."""
        return self._call(Services, routes.SERVICE_TRAFFIC, workspace_id, name, body=body)

    def keys(self, workspace_id: str, name: str) -> ServiceKeys:
        """Both keys. Conflict for a service that needs none."""
        return self._call(ServiceKeys, routes.SERVICE_KEYS, workspace_id, name)

    def regenerate_key(self, workspace_id: str, name: str, body: RegenerateKey) -> ServiceKeys:
        """Put another key in the place of one of the two; both as they are then."""
        return self._call(ServiceKeys, routes.SERVICE_REGENERATE, workspace_id, name, body=body)

    def token(self, workspace_id: str, name: str) -> ServiceToken:
        """A fresh token. Conflict for a service that takes none."""
        return self._call(ServiceToken, routes.SERVICE_TOKEN, workspace_id, name)

    def logs(
        self, workspace_id: str, name: str, query: TailQuery = _TAIL, *, patience_s: Optional[float] = None
    ) -> Body:
        """The last lines of its replicas, or what came since."""
        return self._call(Body, routes.SERVICE_LOGS, workspace_id, name, query=query, patience_s=patience_s)

    def delete(self, workspace_id: str, name: str, query: VersionQuery = _ITSELF) -> Done:
        """End and delete a service, or a version of an endpoint."""
        return self._call(Done, routes.SERVICE_DELETE, workspace_id, name, query=query)
