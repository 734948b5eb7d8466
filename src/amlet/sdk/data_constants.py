"""v1's words for datastores, credentials and modes."""

from __future__ import annotations

from amlet.domain import data

AZURE_DATA_LAKE = "AzureDataLake"
AZURE_FILE = data.AZURE_FILE
AZURE_BLOB = data.AZURE_BLOB
AZURE_SQL_DATABASE = data.AZURE_SQL
AZURE_POSTGRESQL = data.POSTGRESQL
AZURE_MYSQL = data.MYSQL
DBFS = "DBFS"
AZURE_DATA_LAKE_GEN2 = data.AZURE_DATA_LAKE_GEN2
HDFS = "Hdfs"
CUSTOM = "Custom"
GIT = "Git"
ONE_LAKE = "OneLake"

ACCOUNT_KEY = "AccountKey"
SAS = "Sas"
CLIENT_CREDENTIALS = "ClientCredentials"
NONE = "None"
SQL_AUTHENTICATION = "SqlAuthentication"
SERVICE_PRINCIPAL = "ServicePrincipal"

MANAGED_DATASET = "managed-dataset"
STORAGE_RESOURCE_URI = "https://storage.azure.com/"
ADLS_RESOURCE_URI = "https://datalake.azure.net/"
WORKSPACE_BLOB_DATASTORE = data.WORKSPACE_BLOB_STORE
WORKSPACE_FILE_DATASTORE = data.WORKSPACE_FILE_STORE
ROLE_ID_OF_READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ROLE_ID_OF_STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
CONFLICT_MESSAGE = "Another datastore with the same name already exists"

UPLOAD_MODE = data.UPLOAD
DOWNLOAD_MODE = data.DOWNLOAD
MOUNT_MODE = data.MOUNT
DIRECT_MODE = data.DIRECT
HDFS_MODE = "hdfs"
LINK_MODE = "link"
