"""Clusters: targets whose nodes come with the work and go when idle (v1-behaviours 11.2-11.6)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.base.clock import to_iso
from amlet.domain.compute import AML_COMPUTE
from amlet.sdk.compute import POLL_S, ComputeTarget
from amlet.sdk.compute_provisioning import AmlComputeProvisioningConfiguration
from amlet.sdk.compute_status import AmlComputeNodeStateCounts, AmlComputeStatus, ScaleSettings
from amlet.sdk.exceptions import ComputeTargetException, as_v1
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace
    from amlet.wire.computes import ComputeState

_IDENTITY = "give a run what it needs to sign in as environment variables: run_config.environment_variables."
_QUOTA = "nothing is metered: a target has as many nodes as max_nodes says, and the machine bounds them."


class AmlCompute(ComputeTarget):
    """A target whose nodes come with the work and go when idle."""

    type = AML_COMPUTE

    provisioning_configuration = AmlComputeProvisioningConfiguration
    """What a new target should be: its parameters are those of the configuration."""

    add_identity = RefusedMember(_IDENTITY)
    remove_identity = RefusedMember(_IDENTITY)
    list_usages = RefusedMember(_QUOTA)
    list_quotas = RefusedMember(_QUOTA)
    update_quotas = RefusedMember(_QUOTA)

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
            self.refresh_state()
            state = self._state
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
        self.refresh_state()
        state = self._state
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
    def status(self) -> AmlComputeStatus:
        """How the target is now."""
        return self.get_status()

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

    def list_nodes(self) -> List[Dict[str, Any]]:
        """The nodes that there are now, each with its state and the run that it holds.

        Returns:
            Under v1's keys. `port` is None where a node cannot be signed in to.
        """
        held = self.workspace._connection
        with as_v1(ComputeTargetException):
            nodes = held.client.computes.nodes(held.workspace_id, self.name).nodes
        return [
            {
                "nodeId": node.name,
                "port": None,
                "publicIpAddress": None,
                "privateIpAddress": node.address,
                "nodeState": node.state,
                "runId": node.run_id,
            }
            for node in nodes
        ]

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

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: Optional[str] = None) -> List[Dict[str, Any]]:
        """The sizes that a target can ask for: Azure's common ones, wherever it is.

        Those with GPUs can be asked for on a machine that has them.
        """
        from amlet.domain.vm_sizes import VM_SIZES

        return [
            {"name": size.name, "vCPUs": size.cores, "gpus": size.gpus, "memoryGB": size.memory_gib}
            for size in VM_SIZES.values()
        ]

    def _notice(self) -> str:
        return f'a run on "{self.name}" gets {self._state.share}'

    def _set(self, workspace: Workspace, state: ComputeState) -> None:
        super()._set(workspace, state)
        # As asked for: they have no effect here. The password is not kept.
        self.admin_username = self._detail("admin_username")
        self.admin_user_password = None
        self.admin_user_ssh_key = self._detail("admin_user_ssh_key")
        self.vnet_resourcegroup_name = self._detail("vnet_resourcegroup_name")
        self.vnet_name = self._detail("vnet_name")
        self.subnet_name = self._detail("subnet_name")
        self.remote_login_port_public_access = self._detail("remote_login_port_public_access")
        self.identity_type = self._detail("identity_type")
        self.identity_id = self._detail("identity_id")

    def _properties(self) -> Dict[str, Any]:
        return {
            "vmSize": self.vm_size,
            "vmPriority": self.vm_priority,
            "scaleSettings": self.scale_settings.serialize(),
            "userAccountCredentials": {
                "adminUserName": self.admin_username,
                "adminUserPassword": None,
                "adminUserSshPublicKey": self.admin_user_ssh_key,
            },
            "subnet": None,
        }
