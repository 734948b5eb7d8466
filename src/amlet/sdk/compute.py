"""Compute targets: where runs go (v1-behaviours 11)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.base.clock import to_iso
from amlet.sdk.compute_provisioning import AmlComputeProvisioningConfiguration
from amlet.sdk.compute_status import AmlComputeNodeStateCounts, AmlComputeStatus, ScaleSettings
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException, as_v1
from amlet.sdk.notice import given, say, warn_ignored

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace
    from amlet.wire.computes import ComputeState

TAKEN_NAMES = ("amlcompute", "local", "containerinstance")
"""Names that v1 keeps to itself (v1-behaviours 11.1)."""

POLL_S = 0.5
KIND = "AmlCompute"


class ComputeTarget:
    """A place where runs go. `ComputeTarget(ws, name)` gives an object of the right class.

    Raises:
        ComputeTargetException: if the workspace has no such target.
    """

    type: str = KIND

    def __new__(cls, workspace: Workspace, name: str) -> ComputeTarget:
        # The subclass by the target's kind; there is one kind.
        return object.__new__(AmlCompute if cls is ComputeTarget else cls)

    def __init__(self, workspace: Workspace, name: str) -> None:
        held = workspace._connection
        with as_v1(
            ComputeTargetException, prefix=f"ComputeTargetNotFound: Compute Target with name {name} not found. "
        ):
            self._set(workspace, held.client.computes.get(held.workspace_id, name))

    @staticmethod
    def create(
        workspace: Workspace, name: str, provisioning_configuration: AmlComputeProvisioningConfiguration
    ) -> ComputeTarget:
        """Make a target. Nodes come when runs need them.

        Raises:
            UserErrorException: for a name that v1 keeps to itself.
            ComputeTargetException: for a bad name or configuration.
        """
        from amlet.wire.computes import CreateCompute

        if str(name).lower() in TAKEN_NAMES:
            raise UserErrorException(f'A compute target cannot be called "{name}".', hint='"cpu-cluster" can be.')
        if not isinstance(provisioning_configuration, AmlComputeProvisioningConfiguration):
            raise ComputeTargetException(
                f"provisioning_configuration cannot be a {type(provisioning_configuration).__name__}.",
                hint="use AmlCompute.provisioning_configuration(vm_size=..., max_nodes=...).",
            )
        wanted = provisioning_configuration
        wanted.validate_configuration()
        scale = wanted.scale_settings
        held = workspace._connection
        with as_v1(ComputeTargetException):
            state = held.client.computes.create(
                held.workspace_id,
                name,
                CreateCompute(
                    KIND,
                    vm_size=wanted.vm_size or "STANDARD_D2_V2",
                    vm_priority=wanted.vm_priority,
                    min_nodes=scale.minimum_node_count,
                    max_nodes=scale.maximum_node_count or 0,
                    idle_s=scale.idle_seconds_before_scaledown,
                    description=wanted.description,
                    tags=dict(wanted.tags or {}),
                    location=wanted.compute_location or "local",
                ),
            )
        made = AmlCompute._from_state(workspace, state)
        say(f'a run on "{made.name}" gets {state.share}')
        return made

    @staticmethod
    def list(workspace: Workspace) -> List[ComputeTarget]:
        """All targets of the workspace but `local`, which is always there."""
        held = workspace._connection
        with as_v1(ComputeTargetException):
            states = held.client.computes.list(held.workspace_id).computes
        return [AmlCompute._from_state(workspace, state) for state in states]

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the target is made. It is at once."""
        if show_output:
            print('Provisioning operation finished, operation "Succeeded"')

    def get_status(self) -> Any:
        """How the target is now."""
        raise NotImplementedError

    def delete(self) -> None:
        """Delete the target. Runs on it are ended or refused by the server, which says so."""
        held = self.workspace._connection
        with as_v1(ComputeTargetException):
            held.client.computes.delete(held.workspace_id, self.name)

    def detach(self) -> None:
        """Not for this kind: its nodes are amlet's own (v1-behaviours 11.6)."""
        raise ComputeTargetException(f"{self.type} {self.name} cannot be detached.", hint="delete() ends it.")

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, type={self.type}, "
            f"provisioning_state={self.provisioning_state}, location={self.location}, tags={self.tags})"
        )

    def _set(self, workspace: Workspace, state: ComputeState) -> None:
        target = state.target
        self.workspace = workspace
        self.name = target.name
        self.id = f"{workspace._scope()}/computes/{target.name}"
        self.provisioning_state = "Succeeded"
        self.location = target.location
        self.description = target.description
        self.tags = dict(target.tags)
        self._state = state

    def _refresh(self) -> ComputeState:
        held = self.workspace._connection
        with as_v1(ComputeTargetException, prefix="ComputeTargetNotFound: "):
            self._set(self.workspace, held.client.computes.get(held.workspace_id, self.name))
        return self._state


class AmlCompute(ComputeTarget):
    """A target whose nodes come with the work and go when idle."""

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: Optional[str] = None,
        admin_user_password: Optional[str] = None,
        admin_user_ssh_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Optional[str] = None,
        identity_id: Optional[List[str]] = None,
        location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> AmlComputeProvisioningConfiguration:
        """What a new target should be.

        Args:
            vm_size: One of Azure's sizes. On this machine a node gets the smaller of it and machine / max_nodes.
            max_nodes: How many nodes there may be at a time; must be given.
            idle_seconds_before_scaledown: After this long without work a node goes.

        Raises:
            ComputeTargetException: with every fault.
        """
        ignored = given(
            admin_username=admin_username,
            vnet_name=vnet_name,
            identity_type=identity_type,
        )
        warn_ignored("AmlCompute.provisioning_configuration", ignored)
        return AmlComputeProvisioningConfiguration(
            vm_size,
            vm_priority,
            min_nodes,
            max_nodes,
            idle_seconds_before_scaledown,
            admin_username,
            admin_user_password,
            admin_user_ssh_key,
            vnet_resourcegroup_name,
            vnet_name,
            subnet_name,
            tags,
            description,
            remote_login_port_public_access,
            identity_type,
            identity_id,
            location,
            enable_node_public_ip,
        )

    def wait_for_completion(  # type: ignore[override]  # v1's own signature
        self,
        show_output: bool = False,
        min_node_count: Optional[int] = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Wait until the target is there, and has its fewest nodes. Does not raise when the time is over.

        Args:
            show_output: Print v1's lines (v1-behaviours 11.4).
            min_node_count: Wait for so many nodes; default: the target's `min_nodes`.
        """
        if is_delete_operation:
            return
        if show_output:
            print("Creating\nSucceeded\nAmlCompute wait for completion finished\n", flush=True)
        deadline = time.monotonic() + timeout_in_minutes * 60
        while True:
            state = self._refresh()
            wanted = state.target.min_nodes if min_node_count is None else min_node_count
            # Nodes beyond the fewest come with runs alone.
            if state.nodes.current >= min(wanted, state.target.min_nodes):
                ending = "Minimum number of nodes requested have been provisioned"
                break
            if time.monotonic() >= deadline:
                ending = "Wait timeout has been reached"
                break
            time.sleep(POLL_S)
        if show_output:
            print(ending, flush=True)

    def get_status(self) -> AmlComputeStatus:
        """How the target is now, with v1's figures."""
        state = self._refresh()
        target, nodes = state.target, state.nodes
        return AmlComputeStatus(
            allocation_state="Steady" if nodes.current == state.wanted_nodes else "Resizing",
            allocation_state_transition_time=to_iso(target.modified),
            creation_time=to_iso(target.created),
            current_node_count=nodes.current,
            errors=None,
            modified_time=to_iso(target.modified),
            node_state_counts=AmlComputeNodeStateCounts(
                idle_node_count=nodes.idle,
                leaving_node_count=nodes.leaving,
                preparing_node_count=nodes.preparing,
                running_node_count=nodes.running,
            ),
            provisioning_state=self.provisioning_state,
            provisioning_state_transition_time=None,
            scale_settings=self.scale_settings,
            target_node_count=state.wanted_nodes,
            vm_priority=target.vm_priority,
            vm_size=target.vm_size,
        )

    @property
    def scale_settings(self) -> ScaleSettings:
        """How many nodes there may be."""
        target = self._state.target
        return ScaleSettings(target.min_nodes, target.max_nodes, target.idle_s)

    @property
    def vm_size(self) -> str:
        """The size that was asked for."""
        return self._state.target.vm_size

    @property
    def vm_priority(self) -> str:
        """`dedicated` or `lowpriority`, as asked for."""
        return self._state.target.vm_priority

    @property
    def status(self) -> AmlComputeStatus:
        """How the target is now."""
        return self.get_status()

    def update(
        self,
        min_nodes: Optional[int] = None,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: Optional[int] = None,
    ) -> None:
        """Change how many nodes there may be. Without an argument nothing happens."""
        from amlet.wire.computes import UpdateCompute

        if min_nodes is None and max_nodes is None and idle_seconds_before_scaledown is None:
            return
        held = self.workspace._connection
        change = UpdateCompute(min_nodes, max_nodes, idle_seconds_before_scaledown)
        with as_v1(ComputeTargetException):
            self._set(self.workspace, held.client.computes.update(held.workspace_id, self.name, change))

    def serialize(self) -> Dict[str, Any]:
        """The target under v1's keys."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "location": self.location,
            "description": self.description,
            "tags": self.tags,
            "provisioningState": self.provisioning_state,
            "vmSize": self.vm_size,
            "vmPriority": self.vm_priority,
            "scaleSettings": self.scale_settings.serialize(),
        }

    @classmethod
    def _from_state(cls, workspace: Workspace, state: ComputeState) -> AmlCompute:
        made = object.__new__(cls)
        made._set(workspace, state)
        return made
