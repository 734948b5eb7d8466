"""Compute instances: targets of one node that is there until it is stopped (v1-behaviours 11.7)."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from amlet.base.clock import from_iso, to_iso
from amlet.domain.compute import COMPUTE_INSTANCE
from amlet.sdk.compute import POLL_S, ComputeTarget
from amlet.sdk.compute_cluster import AmlCompute
from amlet.sdk.compute_configuration import (
    ComputeTargetProvisioningConfiguration,
    details_of,
    faults_of_network,
    refuse,
)
from amlet.sdk.exceptions import ComputeTargetException, as_v1
from amlet.sdk.notice import given, warn_ignored
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace
    from amlet.wire.computes import ComputeState, CreateCompute

DEFAULT_VM_SIZE = "STANDARD_DS3_V2"
CREATING, STARTING, RUNNING = "Creating", "Starting", "Running"
RESTARTING, STOPPING, STOPPED = "Restarting", "Stopping", "Stopped"
WAIT_S = 25 * 60.0
"""How long a node may take to come up; stopping takes as long as the run that goes on."""


class ComputeInstanceProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """What a new ComputeInstance should be.

    What names parts of Azure (its network, its users, SSH to the machine) is kept and has no effect.

    Args:
        vm_size: One of Azure's sizes; STANDARD_DS3_V2 by default. The node gets the smaller of it and the machine.
        tags: Kept with the target.
        description: Kept with the target.

    Raises:
        ComputeTargetException: with every fault.
    """

    def __init__(
        self,
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        assigned_user_object_id: Optional[str] = None,
        assigned_user_tenant_id: Optional[str] = None,
    ) -> None:
        super().__init__(COMPUTE_INSTANCE, None)
        self.vm_size = vm_size or DEFAULT_VM_SIZE
        self.ssh_public_access = ssh_public_access
        self.admin_user_ssh_public_key = admin_user_ssh_public_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.assigned_user_object_id = assigned_user_object_id
        self.assigned_user_tenant_id = assigned_user_tenant_id
        self.validate_configuration()
        ignored = given(
            ssh_public_access=ssh_public_access or None,
            admin_user_ssh_public_key=admin_user_ssh_public_key,
            vnet_name=vnet_name,
            assigned_user_object_id=assigned_user_object_id,
        )
        warn_ignored("ComputeInstance.provisioning_configuration", ignored)

    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """
        faults = faults_of_network(self.vnet_resourcegroup_name, self.vnet_name, self.subnet_name)
        if faults:
            refuse(faults)

    def _request(self) -> CreateCompute:
        from amlet.wire.computes import CreateCompute

        details = details_of(
            self,
            "ssh_public_access",
            "admin_user_ssh_public_key",
            "vnet_resourcegroup_name",
            "vnet_name",
            "subnet_name",
            "assigned_user_object_id",
            "assigned_user_tenant_id",
        )
        return CreateCompute(
            COMPUTE_INSTANCE,
            vm_size=self.vm_size,
            min_nodes=1,
            max_nodes=1,
            description=self.description,
            tags=dict(self.tags or {}),
            details=details,
        )


class ComputeInstanceStatus:
    """How an instance is now (v1-behaviours 11.7)."""

    def __init__(
        self,
        creation_time: Optional[datetime],
        created_by_user_name: Optional[str],
        created_by_user_id: Optional[str],
        created_by_user_org: Optional[str],
        errors: Optional[List[Any]],
        modified_time: Optional[datetime],
        state: Optional[str],
        vm_size: Optional[str],
    ) -> None:
        self.creation_time = creation_time
        self.created_by_user_name = created_by_user_name
        self.created_by_user_id = created_by_user_id
        self.created_by_user_org = created_by_user_org
        self.errors = errors
        self.modified_time = modified_time
        self.state = state
        self.vm_size = vm_size

    def __repr__(self) -> str:
        return json.dumps(self.serialize(), indent=2)

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "errors": self.errors,
            "creationTime": to_iso(self.creation_time) if self.creation_time else None,
            "createdBy": {
                "userObjectId": self.created_by_user_id,
                "userTenantId": self.created_by_user_org,
                "userName": self.created_by_user_name,
            },
            "modifiedTime": to_iso(self.modified_time) if self.modified_time else None,
            "state": self.state,
            "vmSize": self.vm_size,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[ComputeInstanceStatus]:
        """From v1's keys; None of nothing."""
        if not object_dict:
            return None
        made_by = object_dict.get("createdBy") or {}
        created, modified = object_dict.get("creationTime"), object_dict.get("modifiedTime")
        return ComputeInstanceStatus(
            from_iso(created) if created else None,
            made_by.get("userName"),
            made_by.get("userObjectId"),
            made_by.get("userTenantId"),
            object_dict.get("errors"),
            from_iso(modified) if modified else None,
            object_dict.get("state"),
            object_dict.get("vmSize"),
        )


class ComputeInstance(ComputeTarget):
    """A target of one node that is there until it is stopped; while it is, its runs wait."""

    type = COMPUTE_INSTANCE

    provisioning_configuration = ComputeInstanceProvisioningConfiguration
    """What a new instance should be: its parameters are those of the configuration."""

    supported_vmsizes = staticmethod(AmlCompute.supported_vmsizes)
    update_sso_settings = RefusedMember("sign in by `amlet studio`; there is no other sign-in.")
    get_docs_url = RefusedMember("docs/compute.md of amlet tells of compute targets.")

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the instance runs, or is deleted.

        Raises:
            ComputeTargetException: if it does not run after 25 minutes, or is stopped.
        """
        if is_delete_operation:
            super().wait_for_completion(show_output, is_delete_operation)
        else:
            self._wait_for(RUNNING, show_output=show_output)

    def get_status(self) -> ComputeInstanceStatus:
        """How the instance is now."""
        self.refresh_state()
        return self.status

    def delete(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Delete the instance. While runs need it that is refused."""
        self._remove()
        if wait_for_completion:
            super().wait_for_completion(show_output, is_delete_operation=True)

    def start(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Bring its node back; the runs that wait go on."""
        from amlet.wire.computes import START

        self._switch(START)
        if wait_for_completion:
            self._wait_for(RUNNING, show_output=show_output)

    def stop(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """End its node: a run that goes on ends first, those that come after wait."""
        from amlet.wire.computes import STOP

        self._switch(STOP)
        if wait_for_completion:
            self._wait_for(STOPPED, show_output=show_output)

    def restart(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """End its node, after the run that goes on, and bring a new one."""
        from amlet.wire.computes import RESTART

        self._switch(RESTART)
        if wait_for_completion:
            self._wait_for(RUNNING, show_output=show_output)

    @property
    def status(self) -> ComputeInstanceStatus:
        """How the instance was when it was last asked for."""
        target = self._state.target
        return ComputeInstanceStatus(
            creation_time=target.created,
            created_by_user_name=None,
            created_by_user_id=self.assigned_user_object_id,
            created_by_user_org=self.assigned_user_tenant_id,
            errors=None,
            modified_time=target.modified,
            state=_state_of(self._state),
            vm_size=target.vm_size,
        )

    @property
    def vm_size(self) -> str:
        """The size that was asked for."""
        return self._state.target.vm_size

    def _switch(self, action: str) -> None:
        from amlet.wire.computes import SwitchCompute

        held = self.workspace._connection
        with as_v1(ComputeTargetException):
            self._set(self.workspace, held.client.computes.switch(held.workspace_id, self.name, SwitchCompute(action)))
        self._has_asked = True

    def _wait_for(self, wanted: str, *, show_output: bool) -> None:
        """Follow the state, printing each on a line of its own, until it is the wanted one."""
        deadline = time.monotonic() + WAIT_S
        told = None
        while True:
            self.refresh_state()
            state = _state_of(self._state)
            if show_output and state != told:
                sys.stdout.write(f"\n{state}" if told else state)
                sys.stdout.flush()
            told = state
            if state == wanted:
                break
            is_held = wanted == RUNNING and state in (STOPPED, STOPPING)
            if is_held or (wanted == RUNNING and time.monotonic() > deadline):
                raise ComputeTargetException(
                    f"Compute instance {self.name} does not run: its state is {state}.",
                    hint="instance.start(wait_for_completion=True) starts it.",
                )
            time.sleep(POLL_S)
        if show_output:
            print(flush=True)

    def _notice(self) -> str:
        return f'a run on "{self.name}" gets {self._state.share}'

    def _set(self, workspace: Workspace, state: ComputeState) -> None:
        super()._set(workspace, state)
        # As asked for: they have no effect here.
        self.ssh_public_access = bool(self._detail("ssh_public_access"))
        self.admin_user_ssh_public_key = self._detail("admin_user_ssh_public_key")
        self.vnet_resourcegroup_name = self._detail("vnet_resourcegroup_name")
        self.vnet_name = self._detail("vnet_name")
        self.subnet_name = self._detail("subnet_name")
        self.assigned_user_object_id = self._detail("assigned_user_object_id")
        self.assigned_user_tenant_id = self._detail("assigned_user_tenant_id")
        # What only a machine of Azure's has.
        self.admin_username = self.ssh_port = self.subnet_id = None
        self.public_ip_address = self.private_ip_address = None
        self.applications: List[Any] = []
        self.errors: Optional[List[Any]] = None

    def _properties(self) -> Dict[str, Any]:
        return {
            "vmSize": self.vm_size,
            "applications": self.applications,
            "connectivityEndpoints": {"publicIpAddress": None, "privateIpAddress": None},
            "sshSettings": {
                "sshPublicAccess": "Enabled" if self.ssh_public_access else "Disabled",
                "adminUserName": None,
                "adminPublicKey": self.admin_user_ssh_public_key,
                "sshPort": None,
            },
            "personalComputeInstanceSettings": None,
            "subnet": {"id": None},
            "errors": None,
            "status": self.status.serialize(),
        }


def _state_of(state: ComputeState) -> str:
    """One of v1's words."""
    target, nodes = state.target, state.nodes
    if target.is_stopped:
        return STOPPING if nodes.current else STOPPED
    if nodes.leaving:
        return RESTARTING
    if nodes.running or nodes.idle:
        return RUNNING
    return CREATING if target.created == target.modified else STARTING
