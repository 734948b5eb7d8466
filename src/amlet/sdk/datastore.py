"""Datastores of a workspace: find, register, choose the default (v1-behaviours 13.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Type

from amlet.domain import data
from amlet.sdk.datastore_base import AbstractDatastore
from amlet.sdk.datastore_lake import AzureDataLakeGen2Datastore
from amlet.sdk.datastore_sql import AzureMySqlDatastore, AzurePostgreSqlDatastore, AzureSqlDatabaseDatastore
from amlet.sdk.datastore_storage import AzureBlobDatastore, AzureFileDatastore, FolderDatastore, S3Datastore
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.notice import given, warn_ignored
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

_KINDS: Dict[str, Type[AbstractDatastore]] = {
    data.FOLDER: FolderDatastore,
    data.AZURE_BLOB: AzureBlobDatastore,
    data.AZURE_FILE: AzureFileDatastore,
    data.AZURE_DATA_LAKE_GEN2: AzureDataLakeGen2Datastore,
    data.S3: S3Datastore,
    data.AZURE_SQL: AzureSqlDatabaseDatastore,
    data.POSTGRESQL: AzurePostgreSqlDatastore,
    data.MYSQL: AzureMySqlDatastore,
}
_GEN1 = "Azure closed Data Lake Storage Gen1: move the data to Gen2 and use register_azure_data_lake_gen2."
_HADOOP = "mount it on the server's machine and use Datastore.register_folder(ws, name, path)."
_PRINCIPAL = "Databases are signed in to with username and password here, not as a service principal."


class Datastore:
    """A datastore of a workspace, as an object of its kind. `Datastore(ws)` is the default one."""

    register_azure_data_lake = RefusedMember(_GEN1)
    register_dbfs = RefusedMember(_HADOOP)
    register_hdfs = RefusedMember(_HADOOP)

    name: str
    workspace: Workspace

    def __new__(cls, workspace: Workspace, name: Optional[str] = None) -> Any:
        return Datastore.get_default(workspace) if name is None else Datastore.get(workspace, name)

    def __init__(self, workspace: Workspace, name: Optional[str] = None) -> None:
        """`__new__` gives an object of another class: this is never run."""

    def set_as_default(self) -> None:
        """Make it the workspace's default datastore."""
        AbstractDatastore.set_as_default(self)  # type: ignore[arg-type]

    def unregister(self) -> None:
        """Forget it and its secrets. The data stays where it is."""
        AbstractDatastore.unregister(self)  # type: ignore[arg-type]

    @staticmethod
    def get(workspace: Workspace, datastore_name: str) -> Any:
        """The datastore of that name.

        Raises:
            UserErrorException: there is none, with the nearest name.
        """
        held = workspace._connection
        with as_v1():
            return of_record(workspace, held.client.datastores.get(held.workspace_id, datastore_name).datastore)

    @staticmethod
    def get_default(workspace: Workspace) -> Any:
        """The workspace's default: `workspaceblobstore`, unless another was made it."""
        held = workspace._connection
        with as_v1():
            records = held.client.datastores.list(held.workspace_id).datastores
        return of_record(workspace, next(record for record in records if record.is_default))

    @staticmethod
    def register_azure_blob_container(
        workspace: Workspace,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: Optional[int] = None,
        grant_workspace_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
    ) -> AzureBlobDatastore:
        """Register a container of Azure's blob storage. The server looks whether it lets us in.

        Args:
            account_key: Or `sas_token`; with neither the container must be public. Sealed by the server.
            endpoint: `core.windows.net`; or `host:port` of an emulator.
            overwrite: Replace a datastore of that name.
            create_if_not_exists: Make the container.
            skip_validation: Do not look.

        Raises:
            UserErrorException: the name is taken, the container is not there, or does not let us in.
        """
        warn_ignored(
            "register_azure_blob_container",
            given(blob_cache_timeout=blob_cache_timeout, subscription_id=subscription_id, resource_group=resource_group)
            + (["grant_workspace_access"] if grant_workspace_access else []),
        )
        made: AzureBlobDatastore = _register(
            workspace,
            datastore_name,
            data.AZURE_BLOB,
            {
                "container_name": container_name,
                "account_name": account_name,
                "protocol": protocol,
                "endpoint": endpoint,
            },
            {"sas_token": sas_token, "account_key": account_key},
            overwrite=overwrite,
            create_if_not_exists=create_if_not_exists,
            skip_validation=skip_validation,
        )
        return made

    @staticmethod
    def register_azure_file_share(
        workspace: Workspace,
        datastore_name: str,
        file_share_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> AzureFileDatastore:
        """Register a file share of Azure's; see `register_azure_blob_container`."""
        made: AzureFileDatastore = _register(
            workspace,
            datastore_name,
            data.AZURE_FILE,
            {
                "container_name": file_share_name,
                "account_name": account_name,
                "protocol": protocol,
                "endpoint": endpoint,
            },
            {"sas_token": sas_token, "account_key": account_key},
            overwrite=overwrite,
            create_if_not_exists=create_if_not_exists,
            skip_validation=skip_validation,
        )
        return made

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: Workspace,
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
    ) -> AzureDataLakeGen2Datastore:
        """Register a file system of Data Lake Storage Gen2, signed in to as a service principal.

        As in v1 nobody looks whether it lets us in.
        """
        made: AzureDataLakeGen2Datastore = _register(
            workspace,
            datastore_name,
            data.AZURE_DATA_LAKE_GEN2,
            {
                "container_name": filesystem,
                "account_name": account_name,
                "tenant_id": tenant_id,
                "client_id": client_id,
                "resource_url": resource_url,
                "authority_url": authority_url,
                "protocol": protocol,
                "endpoint": endpoint,
            },
            {"client_secret": client_secret},
            overwrite=overwrite,
            skip_validation=True,
        )
        return made

    @staticmethod
    def register_azure_sql_database(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        username: Optional[str] = None,
        password: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
        skip_validation: bool = False,
        **kwargs: Any,
    ) -> AzureSqlDatabaseDatastore:
        """Register a database of Azure SQL, or of an SQL Server by its whole host name.

        Raises:
            UserErrorException: for a service principal, a taken name, or a database that does not let us in.
        """
        if client_id or client_secret:
            raise UserErrorException(_PRINCIPAL, hint="pass username and password.")
        made: AzureSqlDatabaseDatastore = _register(
            workspace,
            datastore_name,
            data.AZURE_SQL,
            {"server_name": server_name, "database_name": database_name, "endpoint": endpoint, "username": username},
            {"password": password},
            overwrite=overwrite,
            skip_validation=skip_validation,
        )
        return made

    @staticmethod
    def register_azure_postgre_sql(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        enforce_ssl: bool = True,
        skip_validation: bool = False,
        **kwargs: Any,
    ) -> AzurePostgreSqlDatastore:
        """Register a database of PostgreSQL: Azure's by its short name, any other by its whole host name.

        Raises:
            UserErrorException: the name is taken, or the database does not let us in.
        """
        made: AzurePostgreSqlDatastore = _register(
            workspace,
            datastore_name,
            data.POSTGRESQL,
            {
                "server_name": server_name,
                "database_name": database_name,
                "user_id": user_id,
                "port_number": port_number,
                "endpoint": endpoint,
                "enforce_ssl": "true" if enforce_ssl else "false",
            },
            {"user_password": user_password},
            overwrite=overwrite,
            skip_validation=skip_validation,
        )
        return made

    @staticmethod
    def register_azure_my_sql(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
        **kwargs: Any,
    ) -> AzureMySqlDatastore:
        """Register a database of MySQL; see `register_azure_postgre_sql`."""
        made: AzureMySqlDatastore = _register(
            workspace,
            datastore_name,
            data.MYSQL,
            {
                "server_name": server_name,
                "database_name": database_name,
                "user_id": user_id,
                "port_number": port_number,
                "endpoint": endpoint,
            },
            {"user_password": user_password},
            overwrite=overwrite,
            skip_validation=skip_validation,
        )
        return made

    @staticmethod
    def register_folder(
        workspace: Workspace,
        datastore_name: str,
        path: str,
        *,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
    ) -> FolderDatastore:
        """Register a folder of the server's machine: a disk, or what is mounted there. Ours: v1 had none.

        Args:
            path: Absolute.
            create_if_not_exists: Make it where it is not there.
        """
        made: FolderDatastore = _register(
            workspace,
            datastore_name,
            data.FOLDER,
            {"path": str(path)},
            {},
            overwrite=overwrite,
            create_if_not_exists=create_if_not_exists,
        )
        return made

    @staticmethod
    def register_s3_bucket(
        workspace: Workspace,
        datastore_name: str,
        bucket: str,
        *,
        prefix: Optional[str] = None,
        access_key_id: Optional[str] = None,
        secret_access_key: Optional[str] = None,
        region: Optional[str] = None,
        endpoint_url: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> S3Datastore:
        """Register a bucket of S3, or of what speaks its protocol. Ours: v1 had none.

        Args:
            prefix: The folder in it that is the datastore's root.
            secret_access_key: Sealed by the server. Without a key the server's own credentials are taken.
            endpoint_url: Of another service than Amazon's.
        """
        made: S3Datastore = _register(
            workspace,
            datastore_name,
            data.S3,
            {
                "bucket": bucket,
                "prefix": prefix,
                "access_key_id": access_key_id,
                "region": region,
                "endpoint_url": endpoint_url,
            },
            {"secret_access_key": secret_access_key},
            overwrite=overwrite,
            create_if_not_exists=create_if_not_exists,
            skip_validation=skip_validation,
        )
        return made


def of_record(workspace: Workspace, record: data.Datastore) -> Any:
    """The object of a record. The two that every workspace has are what they were in v1 (v1-behaviours 13.15)."""
    if record.name in data.WORKSPACE_STORES:
        is_blob = record.name == data.WORKSPACE_BLOB_STORE
        container = f"azureml-{'blobstore' if is_blob else 'filestore'}-{record.workspace_id}"
        record = record._replace(
            kind=data.AZURE_BLOB if is_blob else data.AZURE_FILE,
            settings={"container_name": container, "account_name": "amlet"},
        )
    return _KINDS[record.kind]._of_record(workspace, record)


def list_datastores(workspace: Workspace) -> Dict[str, Any]:
    """All datastores of a workspace, by name."""
    held = workspace._connection
    with as_v1():
        records = held.client.datastores.list(held.workspace_id).datastores
    return {record.name: of_record(workspace, record) for record in records}


def _register(
    workspace: Workspace,
    name: str,
    kind: str,
    settings: Dict[str, Optional[str]],
    credentials: Dict[str, Optional[str]],
    *,
    overwrite: bool,
    create_if_not_exists: bool = False,
    skip_validation: bool = False,
) -> Any:
    from amlet.wire.data import CreateDatastore

    asked = CreateDatastore(
        kind,
        {key: str(value) for key, value in settings.items() if value is not None},
        {key: value for key, value in credentials.items() if value},
        overwrite,
        create_if_not_exists,
        skip_validation,
    )
    held = workspace._connection
    with as_v1():
        return of_record(workspace, held.client.datastores.create(held.workspace_id, name, asked).datastore)
