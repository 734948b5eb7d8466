"""What a new AmlCompute target should be (v1-behaviours 11.2, 11.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, List, Optional

from amlet.domain.compute import AML_COMPUTE
from amlet.sdk.compute_configuration import (
    ComputeTargetProvisioningConfiguration,
    details_of,
    faults_of_network,
    is_count,
    refuse,
)
from amlet.sdk.compute_status import ScaleSettings
from amlet.sdk.notice import given, warn_ignored

if TYPE_CHECKING:
    from amlet.wire.computes import CreateCompute

DEFAULT_VM_SIZE = "STANDARD_D2_V2"
CLASSES_OF_LETTERS = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]")
PASSWORD_LENGTH = range(6, 73)
IDENTITIES = ("SystemAssigned", "UserAssigned")


class AmlComputeProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """What a new AmlCompute target should be.

    What names parts of Azure (its network, its identities, an account on its machines) is kept and has no effect.

    Args:
        vm_size: One of Azure's sizes, in any case; STANDARD_D2_V2 by default. On this machine a node gets the smaller
            of it and machine / max_nodes.
        vm_priority: `dedicated` or `lowpriority`. Nothing is preempted here.
        min_nodes: How many nodes there are at least, with work or without.
        max_nodes: How many nodes there may be at a time; must be given.
        idle_seconds_before_scaledown: After this long without work a node goes.
        tags: Kept with the target.
        description: Kept with the target.
        location: Kept with the target. A configuration made by its class calls it `compute_location`.

    Raises:
        ComputeTargetException: with every fault.
    """

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
        location: Optional[str] = None,
        enable_node_public_ip: bool = True,
        **renamed: Optional[str],
    ) -> None:
        # v1 calls one parameter `location` in the method and `compute_location` in the class: this is both.
        location = renamed.pop("compute_location", None) or location
        if renamed:
            raise TypeError(f"provisioning_configuration got an unexpected keyword argument {next(iter(renamed))!r}")
        super().__init__(AML_COMPUTE, location)
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
        self.compute_location = location
        self.enable_node_public_ip = enable_node_public_ip
        self.validate_configuration()
        ignored = given(admin_username=admin_username, vnet_name=vnet_name, identity_type=identity_type)
        warn_ignored("AmlCompute.provisioning_configuration", ignored)

    def validate_configuration(self) -> None:
        """Check it all (v1-behaviours 11.3).

        Raises:
            ComputeTargetException: with every fault.
        """
        faults = self._faults_of_nodes() + self._faults_of_account()
        faults += faults_of_network(self.vnet_resourcegroup_name, self.vnet_name, self.subnet_name)
        if str(self.vm_priority).lower() not in ("dedicated", "lowpriority"):
            faults.append(f"vm_priority must be dedicated or lowpriority, not {self.vm_priority!r}")
        if self.remote_login_port_public_access not in ("Enabled", "Disabled", "NotSpecified"):
            faults.append("remote_login_port_public_access must be Enabled, Disabled or NotSpecified")
        if self.identity_type is not None and self.identity_type not in IDENTITIES:
            faults.append(f"identity_type must be {' or '.join(IDENTITIES)}, not {self.identity_type!r}")
        elif (self.identity_type == "UserAssigned") != bool(self.identity_id):
            faults.append("identity_id comes with identity_type UserAssigned, and with no other")
        if faults:
            refuse(faults)

    def _faults_of_nodes(self) -> List[str]:
        faults = []
        scale = self.scale_settings
        low, high, idle_s = (
            scale.minimum_node_count,
            scale.maximum_node_count,
            scale.idle_seconds_before_scaledown,
        )
        if high is None:
            faults.append("max nodes count is mandatory")
        elif not is_count(high):
            faults.append(f"max_nodes must be a whole number from 0 on, not {high!r}")
        if not is_count(low):
            faults.append(f"min_nodes must be a whole number from 0 on, not {low!r}")
        elif high is not None and is_count(high) and high < low:
            faults.append(f"max_nodes ({high}) must not be less than min_nodes ({low})")
        if not is_count(idle_s):
            faults.append(f"idle_seconds_before_scaledown must be a whole number from 0 on, not {idle_s!r}")
        return faults

    def _faults_of_account(self) -> List[str]:
        password = self.admin_user_password
        if self.admin_username and not (password or self.admin_user_ssh_key):
            return ["admin_username needs admin_user_password or admin_user_ssh_key"]
        if password and (
            len(password) not in PASSWORD_LENGTH
            or sum(bool(re.search(letters, password)) for letters in CLASSES_OF_LETTERS) < 3
        ):
            first, last = PASSWORD_LENGTH[0], PASSWORD_LENGTH[-1]
            kinds = "lower-case, upper-case, digits, others"
            return [f"admin_user_password is weak: it needs {first} to {last} characters of three kinds of {kinds}"]
        return []

    def _request(self) -> CreateCompute:
        from amlet.wire.computes import CreateCompute

        scale = self.scale_settings
        details = details_of(
            self,
            "admin_username",
            "admin_user_ssh_key",
            "vnet_resourcegroup_name",
            "vnet_name",
            "subnet_name",
            "remote_login_port_public_access",
            "identity_type",
            "identity_id",
        )
        return CreateCompute(
            AML_COMPUTE,
            vm_size=self.vm_size or DEFAULT_VM_SIZE,
            vm_priority=self.vm_priority,
            min_nodes=scale.minimum_node_count,
            max_nodes=scale.maximum_node_count or 0,
            idle_s=scale.idle_seconds_before_scaledown,
            description=self.description,
            tags=dict(self.tags or {}),
            location=self.compute_location or "local",
            details=details,
        )
