"""Databases as datastores. The server asks them; passwords stay there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.domain import data
from amlet.sdk.datastore_base import AbstractDatastore

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


class AzureSqlDatabaseDatastore(AbstractDatastore):
    """A database of Azure SQL or SQL Server."""

    password: Optional[str] = None
    client_secret: Optional[str] = None

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        server_name: str,
        database_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        username: Optional[str] = None,
        password: Optional[str] = None,
        auth_type: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        super().__init__(workspace, name, data.AZURE_SQL)
        self._take({"server_name": server_name, "database_name": database_name, "username": username or ""})
        self.tenant_id, self.client_id = tenant_id, client_id
        self.resource_url, self.authority_url = resource_url, authority_url
        self.auth_type: str = auth_type or "SqlAuthentication"
        self.service_data_access_auth_identity = service_data_access_auth_identity

    def _take(self, settings: dict[str, str]) -> None:
        self.server_name = settings.get("server_name")
        self.database_name = settings.get("database_name")
        self.username = settings.get("username") or None
        self.auth_type = self._record.credential_type if self._record is not None else "SqlAuthentication"
        self.tenant_id = self.client_id = None
        self.resource_url = self.authority_url = self.service_data_access_auth_identity = None


class _UserDatabase(AbstractDatastore):
    user_password: Optional[str] = None

    def _take(self, settings: dict[str, str]) -> None:
        self.server_name = settings.get("server_name")
        self.database_name = settings.get("database_name")
        self.user_id = settings.get("user_id")
        self.port_number = settings.get("port_number")


class AzurePostgreSqlDatastore(_UserDatabase):
    """A database of PostgreSQL."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
        enforce_ssl: bool = True,
    ) -> None:
        super().__init__(workspace, name, data.POSTGRESQL)
        self._take({"server_name": server_name, "database_name": database_name, "user_id": user_id})
        self.port_number = port_number
        self.enforce_ssl = enforce_ssl

    def _take(self, settings: dict[str, str]) -> None:
        super()._take(settings)
        self.enforce_ssl = settings.get("enforce_ssl", "true") == "true"


class AzureMySqlDatastore(_UserDatabase):
    """A database of MySQL."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
    ) -> None:
        super().__init__(workspace, name, data.MYSQL)
        self._take({"server_name": server_name, "database_name": database_name, "user_id": user_id})
        self.port_number = port_number
