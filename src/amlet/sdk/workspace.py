"""Workspaces: what holds experiments, models, environments, compute targets and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.base.clock import to_iso
from amlet.sdk.connection import Connection, Names
from amlet.sdk.exceptions import UserErrorException, WorkspaceException, as_v1
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.domain import workspace as records
    from amlet.sdk.compute import ComputeTarget
    from amlet.sdk.compute_provisioning import AmlComputeProvisioningConfiguration
    from amlet.sdk.environment import Environment
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.keyvault import Keyvault
    from amlet.sdk.model import Model
    from amlet.sdk.run import Run
    from amlet.sdk.webservice import Webservice

NO_SUBSCRIPTION = "local"
"""What a workspace made without a subscription is filed under."""


_NETWORK = "reach the server over your own network, with AMLET_URL and AMLET_TOKEN."
_CONNECTIONS = "give addresses and credentials to a run as environment variables."
_AZURE = "nothing of Azure lies behind a workspace here: leave the call out."


class _DefaultCluster:
    """What v1 makes of a default cluster: read when it is asked for, since it loads the compute classes."""

    def __init__(self, vm_size: str) -> None:
        self._vm_size = vm_size

    def __get__(self, instance: Any, owner: Any = None) -> AmlComputeProvisioningConfiguration:
        from amlet.sdk.compute_cluster import AmlCompute

        return AmlCompute.provisioning_configuration(vm_size=self._vm_size, min_nodes=0, max_nodes=2)


class Workspace:
    """One workspace, known by subscription, resource group and name.

    On this machine's own server a workspace is made on first use, and one line says so; on any other it must be there.

    Args:
        auth: Accepted as in v1. The token is AMLET_TOKEN, or that of this user's own server.

    Raises:
        WorkspaceException: if the server has no such workspace.
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"
    DEFAULT_CPU_CLUSTER_CONFIGURATION = _DefaultCluster("STANDARD_DS2_V2")
    DEFAULT_GPU_CLUSTER_CONFIGURATION = _DefaultCluster("STANDARD_NC6")

    images = RefusedMember("ws.models and ws.webservices list what is deployed, without images.", is_property=True)
    linked_services = RefusedMember(_CONNECTIONS, is_property=True)
    set_connection = RefusedMember(_CONNECTIONS)
    get_connection = RefusedMember(_CONNECTIONS)
    list_connections = RefusedMember(_CONNECTIONS)
    delete_connection = RefusedMember(_CONNECTIONS)
    private_endpoints = RefusedMember(_NETWORK, is_property=True)
    add_private_endpoint = RefusedMember(_NETWORK)
    delete_private_endpoint_connection = RefusedMember(_NETWORK)
    get_mlflow_tracking_uri = RefusedMember("log with Run.get_context().log(...) and read with run.get_metrics().")
    service_context = RefusedMember("ws.discovery_url is the server's address.", is_property=True)
    update = RefusedMember("give tags and location when it is made: Workspace.create(..., tags=..., location=...).")
    delete = RefusedMember("delete what is in it: runs, models, services and compute targets.")
    update_dependencies = RefusedMember(_AZURE)
    list_keys = RefusedMember(_AZURE)
    sync_keys = RefusedMember(_AZURE)
    setup = RefusedMember("use Workspace.create(name), or `amlet init` in the folder.")
    diagnose_workspace = RefusedMember("run `amlet doctor`: it looks at the server, its disk and its Pythons.")

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
        """The workspace of that name. Subscription and group may be left out where only one has it.

        Raises:
            WorkspaceException: if there is none on a server elsewhere, or several (`found_multiple`).
        """
        if subscription_id is None or resource_group is None:
            found = _named(name, subscription_id, resource_group)
            if len(found) == 1:
                return found[0]
            if found:
                places = "; ".join(f"{one.subscription_id}, {one.resource_group}" for one in found)
                raise WorkspaceException(
                    f"There are {len(found)} workspaces called {name!r} (subscription, group): {places}.",
                    found_multiple=True,
                    hint="pass subscription_id and resource_group.",
                )
        return Workspace(subscription_id or NO_SUBSCRIPTION, resource_group or _default_group(name), name, auth)

    @staticmethod
    def list(
        subscription_id: Optional[str] = None, auth: Any = None, resource_group: Optional[str] = None
    ) -> Dict[str, List[Workspace]]:
        """The workspaces of a subscription, by name: the same name may be in several groups.

        Args:
            subscription_id: None takes those of all subscriptions.
            resource_group: Only those of this group.
        """
        from amlet.sdk.connection import connect

        client = connect()
        with as_v1(WorkspaceException):
            records = client.workspaces.list().workspaces
        return _by_name(records, subscription_id, resource_group)

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

        Args:
            default_cpu_compute_target: A provisioning configuration: the compute target `cpu-cluster` is made of it.
            default_gpu_compute_target: The same for `gpu-cluster`.

        Raises:
            WorkspaceException: if it is there already and `exist_ok` is False.
        """
        names = Names(subscription_id or NO_SUBSCRIPTION, resource_group or _default_group(name), name)
        held = _connection(names, None)
        with as_v1(WorkspaceException):
            held.ensure(create=True, exist_ok=exist_ok, location=location, tags=tags)
        made = Workspace(*names, _held=held)
        made._add_clusters(default_cpu_compute_target, default_gpu_compute_target)
        return made

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
    def sku(self) -> str:
        """v1's edition: there is one."""
        return "Basic"

    @property
    def discovery_url(self) -> str:
        """The server's address."""
        return self._connection.client.url

    @property
    def experiments(self) -> Dict[str, Experiment]:
        """The experiments that are not archived, by name."""
        from amlet.sdk.experiment import Experiment

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def compute_targets(self) -> Dict[str, ComputeTarget]:
        """Compute targets by name. A plain dict: a missing name is a KeyError (v1-behaviours 1.9)."""
        from amlet.sdk.compute import ComputeTarget

        return {target.name: target for target in ComputeTarget.list(self)}

    @property
    def datasets(self) -> Any:
        """The latest version of every registered dataset, by name."""
        from amlet.sdk.dataset import Dataset

        return Dataset.get_all(self)

    @property
    def datastores(self) -> Dict[str, Any]:
        """Datastores by name."""
        from amlet.sdk.datastore import list_datastores

        return list_datastores(self)

    def get_default_datastore(self) -> Any:
        """The datastore that is used where none is named."""
        from amlet.sdk.datastore import Datastore

        return Datastore.get_default(self)

    def set_default_datastore(self, name: str) -> None:
        """Make another datastore the default."""
        held = self._connection
        with as_v1():
            held.client.datastores.set_default(held.workspace_id, name)

    def get_default_keyvault(self) -> Keyvault:
        """The workspace's secrets."""
        from amlet.sdk.keyvault import Keyvault

        return Keyvault(self)

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

    def get_default_compute_target(self, type: str) -> ComputeTarget:
        """The compute target `cpu-cluster` for the type `CPU`, `gpu-cluster` for `GPU`.

        Raises:
            ComputeTargetException: if there is none.
        """
        from amlet.sdk.compute import ComputeTarget

        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        kind = type.upper() if isinstance(type, str) else type
        if kind not in names:
            raise UserErrorException(f'The type of a default compute target is "CPU" or "GPU", not {type!r}.')
        return ComputeTarget(self, names[kind])

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

    def _add_clusters(self, *configurations: Any) -> None:
        from amlet.sdk.compute import ComputeTarget

        for name, wanted in zip((self.DEFAULT_CPU_CLUSTER_NAME, self.DEFAULT_GPU_CLUSTER_NAME), configurations):
            if wanted is not None and name not in self.compute_targets:
                ComputeTarget.create(self, name, wanted)

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


def _named(name: str, subscription_id: Optional[str], resource_group: Optional[str]) -> List[Workspace]:
    """The workspaces of that name at the server of this process, the job's own inside a job."""
    from amlet.runtime.job import JobContext

    context = JobContext.current()
    if context is not None and context.workspace_name == name:
        names = Names(subscription_id or context.subscription_id, resource_group or context.resource_group, name)
        return [Workspace(*names)]
    return Workspace.list(subscription_id, resource_group=resource_group).get(name, [])


def _by_name(
    found: List[records.Workspace], subscription_id: Optional[str], resource_group: Optional[str]
) -> Dict[str, List[Workspace]]:
    told: Dict[str, List[Workspace]] = {}
    for record in found:
        if subscription_id not in (None, record.subscription_id):
            continue
        if resource_group not in (None, record.resource_group):
            continue
        names = Names(record.subscription_id, record.resource_group, record.name)
        held = Connection(names, workspace_id=record.id)
        told.setdefault(record.name, []).append(Workspace(*names, _held=held))
    return told


def _default_group(name: str) -> str:
    return f"{name}-rg"
