"""Data lakes of Azure's as datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.domain import data
from amlet.sdk.datastore_storage import AbstractAzureStorageDatastore

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


class AbstractADLSDatastore(AbstractAzureStorageDatastore):
    """A data lake, signed in to as a service principal. Its secret stays at the server."""

    client_secret: Optional[str] = None

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        datastore_type: str,
        tenant_id: Optional[str],
        client_id: Optional[str],
        client_secret: Optional[str],
        resource_url: Optional[str],
        authority_url: Optional[str],
        service_data_access_auth_identity: Any,
    ) -> None:
        super().__init__(workspace, name, datastore_type, None, None)
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.resource_url = resource_url
        self.authority_url = authority_url
        self.service_data_access_auth_identity = service_data_access_auth_identity

    def _take(self, settings: dict[str, str]) -> None:
        super()._take(settings)
        self.tenant_id = settings.get("tenant_id")
        self.client_id = settings.get("client_id")
        self.resource_url = settings.get("resource_url")
        self.authority_url = settings.get("authority_url")
        self.service_data_access_auth_identity = None


class AzureDataLakeGen2Datastore(AbstractADLSDatastore):
    """A file system of Data Lake Storage Gen2, reached as blobs."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        container_name: Optional[str],
        account_name: Optional[str],
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        super().__init__(
            workspace,
            name,
            data.AZURE_DATA_LAKE_GEN2,
            tenant_id,
            client_id,
            client_secret,
            resource_url,
            authority_url,
            service_data_access_auth_identity,
        )
        self.container_name = container_name
        self.account_name = account_name
        self.protocol = protocol or "https"
        self.endpoint = endpoint or "core.windows.net"
