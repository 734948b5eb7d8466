"""What a new compute target should be (v1-behaviours 11.2, 11.3)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from amlet.sdk.compute_status import ScaleSettings
from amlet.sdk.exceptions import ComputeTargetException


class AmlComputeProvisioningConfiguration:
    """What a new AmlCompute target should be. What names parts of Azure's network is kept and has no effect."""

    def __init__(
        self,
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
        compute_location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> None:
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.scale_settings = ScaleSettings(min_nodes, max_nodes, idle_seconds_before_scaledown)
        self.admin_username = admin_username
        self.admin_user_password = admin_user_password
        self.admin_user_ssh_key = admin_user_ssh_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.remote_login_port_public_access = remote_login_port_public_access
        self.identity_type = identity_type
        self.identity_id = identity_id
        self.compute_location = compute_location
        self.enable_node_public_ip = enable_node_public_ip
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check it all (v1-behaviours 11.3).

        Raises:
            ComputeTargetException: with every fault.
        """
        faults = []
        scale = self.scale_settings
        low, high, idle_s = (
            scale.minimum_node_count,
            scale.maximum_node_count,
            scale.idle_seconds_before_scaledown,
        )
        if high is None:
            faults.append("max nodes count is mandatory")
        elif not _is_count(high):
            faults.append(f"max_nodes must be a whole number from 0 on, not {high!r}")
        if not _is_count(low):
            faults.append(f"min_nodes must be a whole number from 0 on, not {low!r}")
        elif _is_count(high) and high is not None and high < low:
            faults.append(f"max_nodes ({high}) must not be less than min_nodes ({low})")
        if not _is_count(idle_s):
            faults.append(f"idle_seconds_before_scaledown must be a whole number from 0 on, not {idle_s!r}")
        if str(self.vm_priority).lower() not in ("dedicated", "lowpriority"):
            faults.append(f"vm_priority must be dedicated or lowpriority, not {self.vm_priority!r}")
        if self.admin_username and not (self.admin_user_password or self.admin_user_ssh_key):
            faults.append("admin_username needs admin_user_password or admin_user_ssh_key")
        network = (self.vnet_resourcegroup_name, self.vnet_name, self.subnet_name)
        if any(network) and not all(network):
            faults.append("vnet_resourcegroup_name, vnet_name and subnet_name go together")
        if faults:
            raise ComputeTargetException("The configuration of the compute target is wrong: " + "; ".join(faults) + ".")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
