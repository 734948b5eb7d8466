"""Workspaces: what holds experiments, models, environments, compute targets and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional

from amlet.base.clock import to_iso
from amlet.sdk.connection import Connection, Names
from amlet.sdk.exceptions import UserErrorException, WorkspaceException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.compute import ComputeTarget
    from amlet.sdk.environment import Environment
    from amlet.sdk.model import Model
    from amlet.sdk.run import Run
    from amlet.sdk.webservice import Webservice

NO_SUBSCRIPTION = "local"
"""What a workspace made without a subscription is filed under."""


class Workspace:
    """One workspace, known by subscription, resource group and name.

    On this machine's own server a workspace is made on first use, and one line says so; on any other it must be there.

    Args:
        auth: Accepted as in v1. The token is AMLET_TOKEN, or that of this user's own server.

    Raises:
        WorkspaceException: if the server has no such workspace.
    """

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        auth: Any = None,
        _location: Optional[str] = None,
        _disable_service_check: bool = False,
        _workspace_id: Optional[str] = None,
        sku: str = "basic",
        tags: Optional[Dict[str, str]] = None,
        _cloud: str = "AzureCloud",
        *,
        _url: Optional[str] = None,
        _held: Optional[Connection] = None,
    ) -> None:
        names = Names(subscription_id, resource_group, workspace_name)
        self._connection = _held or _connection(names, _url)
        if not _disable_service_check and _held is None:
            self._connection.workspace_id  # noqa: B018 - looks the workspace up

    @staticmethod
    def from_config(
        path: Optional[str] = None, auth: Any = None, _logger: Any = None, _file_name: Optional[str] = None
    ) -> Workspace:
        """The workspace that a config.json names, searched for from `path` (default: here) upwards as in v1.

        The key `amlet_url`, where the file has it, is the address of the workspace's server.

        Raises:
            UserErrorException: if there is no config.json, naming every place looked at, or if it lacks keys.
        """
        from amlet.sdk import config_file

        found = config_file.load(None if path is None else str(path), _file_name)
        return Workspace(found.subscription_id, found.resource_group, found.workspace_name, auth, _url=found.amlet_url)

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        cloud: str = "AzureCloud",
        id: Optional[str] = None,
    ) -> Workspace:
        """The workspace of that name."""
        return Workspace(subscription_id or NO_SUBSCRIPTION, resource_group or _default_group(name), name, auth)

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: Optional[Dict[str, str]] = None,
        friendly_name: Optional[str] = None,
        storage_account: Optional[str] = None,
        key_vault: Optional[str] = None,
        app_insights: Optional[str] = None,
        container_registry: Optional[str] = None,
        adb_workspace: Any = None,
        primary_user_assigned_identity: Optional[str] = None,
        cmk_keyvault: Optional[str] = None,
        resource_cmk_uri: Optional[str] = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: Any = None,
        default_gpu_compute_target: Any = None,
        private_endpoint_config: Any = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: Optional[str] = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: Optional[bool] = None,
    ) -> Workspace:
        """Make a workspace. What names parts of Azure is accepted as in v1 and has no effect.

        Raises:
            WorkspaceException: if it is there already and `exist_ok` is False.
        """
        names = Names(subscription_id or NO_SUBSCRIPTION, resource_group or _default_group(name), name)
        held = _connection(names, None)
        with as_v1(WorkspaceException):
            held.ensure(create=True, exist_ok=exist_ok, location=location, tags=tags)
        return Workspace(*names, _held=held)

    @property
    def name(self) -> str:
        """The name."""
        return self._connection.names.name

    @property
    def subscription_id(self) -> str:
        """The subscription, as given."""
        return self._connection.names.subscription_id

    @property
    def resource_group(self) -> str:
        """The resource group, as given."""
        return self._connection.names.resource_group

    @property
    def location(self) -> str:
        """Where it is: `local`, unless it was made with a location."""
        return self._connection.record.location

    @property
    def tags(self) -> Dict[str, str]:
        """The tags. A copy."""
        return dict(self._connection.record.tags)

    @property
    def compute_targets(self) -> Dict[str, ComputeTarget]:
        """Compute targets by name. A plain dict: a missing name is a KeyError (v1-behaviours 1.9)."""
        from amlet.sdk.compute import ComputeTarget

        return {target.name: target for target in ComputeTarget.list(self)}

    @property
    def environments(self) -> Dict[str, Environment]:
        """The latest version of every environment by name, curated ones included."""
        from amlet.sdk.environment import Environment

        return Environment.list(self)

    @property
    def models(self) -> Dict[str, Model]:
        """The latest version of every model, by name."""
        from amlet.sdk.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def webservices(self) -> Dict[str, Webservice]:
        """Services by name."""
        from amlet.sdk.webservice import Webservice

        return {service.name: service for service in Webservice.list(self)}

    def get_run(self, run_id: str) -> Run:
        """A run of any experiment of the workspace."""
        from amlet.sdk.run import Run

        return Run.get(self, run_id)

    def get_details(self) -> Dict[str, Any]:
        """The workspace under v1's keys."""
        record = self._connection.record
        return {
            "id": self._scope(),
            "name": record.name,
            "location": record.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "tags": dict(record.tags),
            "sku": "Basic",
            "workspaceid": record.id,
            "description": "",
            "friendlyName": record.name,
            "creationTime": to_iso(record.created),
            "provisioningState": "Succeeded",
            "discoveryUrl": self._connection.client.url,
        }

    def get_portal_url(self) -> str:
        """The address of the workspace's page."""
        from amlet.wire.pages import workspace_page

        return self._connection.page(workspace_page(self._connection.workspace_id))

    def write_config(self, path: Optional[str] = None, file_name: Optional[str] = None) -> None:
        """Write `.azureml/config.json` below `path`, from which `from_config` finds this workspace again."""
        from amlet.sdk import config_file

        found = config_file.Config(*self._connection.names, self._connection.url)
        config_file.write(found, None if path is None else str(path), file_name)

    def __repr__(self) -> str:
        names = self._connection.names
        return (
            f"Workspace.create(name='{names.name}', subscription_id='{names.subscription_id}', "
            f"resource_group='{names.resource_group}')"
        )

    def _repr_html_(self) -> str:
        from html import escape

        names = [escape(name) for name in self._connection.names]
        return (
            "<table><tr><th>Workspace</th><th>Resource group</th><th>Subscription</th></tr>"
            f"<tr><td>{names[2]}</td><td>{names[1]}</td><td>{names[0]}</td></tr></table>"
        )

    def _scope(self) -> str:
        names = self._connection.names
        return (
            f"/subscriptions/{names.subscription_id}/resourceGroups/{names.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{names.name}"
        )


def _connection(names: Names, url: Optional[str]) -> Connection:
    for what, value in zip(("subscription_id", "resource_group", "workspace_name"), names):
        if not isinstance(value, str) or not value:
            raise UserErrorException(f"{what} must be a text, not {value!r}.")
    from amlet.runtime.job import JobContext

    context = JobContext.current()
    if context is not None:
        held = Connection.of_job(context)
        # A job has a token for its own workspace alone.
        if held.names == names:
            return held
    return Connection(names, url=url)


def _default_group(name: str) -> str:
    return f"{name}-rg"
