"""Serving targets, which v1 had on Kubernetes (AKS). Their services are answered by machines of Ray's, where the server
has a cluster of them, else by its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from amlet.domain.compute import AKS
from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_configuration import (
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
    ComputeTargetUpdateConfiguration,
    details_of,
    is_count,
    refuse,
)
from amlet.sdk.exceptions import ComputeTargetException, as_v1
from amlet.sdk.notice import given, warn_ignored
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace
    from amlet.wire.computes import ComputeState, CreateCompute

AGENTS = 3
IDLE_S = 600
"""A machine of its that holds no replica goes after so long."""
DEFAULT_VM_SIZE = "STANDARD_D3_V2"
PUBLIC, INTERNAL = "PublicIp", "InternalLoadBalancer"
ATTACHED = "is_attached"


class SslConfiguration:
    """How v1 encrypted what a service answers. Kept as given; here a proxy in front of the service does it."""

    def __init__(
        self,
        status: Optional[str] = None,
        cert: Optional[str] = None,
        key: Optional[str] = None,
        cname: Optional[str] = None,
        leaf_domain_label: Optional[str] = None,
        overwrite_existing_domain: bool = False,
        renew: bool = False,
    ) -> None:
        self.status = status
        self.cert = cert
        self.key = key
        self.cname = cname
        self.leaf_domain_label = leaf_domain_label
        self.overwrite_existing_domain = overwrite_existing_domain
        self.renew = renew

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "status": self.status,
            "cert": self.cert,
            "key": self.key,
            "cname": self.cname,
            "leafDomainLabel": self.leaf_domain_label,
            "overwriteExistingDomain": self.overwrite_existing_domain,
            "renew": self.renew,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[SslConfiguration]:
        """From v1's keys; None of nothing."""
        if not object_dict:
            return None
        return SslConfiguration(
            object_dict.get("status"),
            object_dict.get("cert"),
            object_dict.get("key"),
            object_dict.get("cname"),
            object_dict.get("leafDomainLabel"),
            bool(object_dict.get("overwriteExistingDomain")),
            bool(object_dict.get("renew")),
        )


class SystemService:
    """One of the services that v1 ran on a cluster to make it a target. There are none here."""

    def __init__(self, service_type: str, version: str, public_ip_address: Optional[str]) -> None:
        self.service_type = service_type
        self.version = version
        self.public_ip_address = public_ip_address

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "serviceType": self.service_type,
            "version": self.version,
            "publicIpAddress": self.public_ip_address,
        }

    @staticmethod
    def deserialize(object_dict: Mapping[str, Any]) -> SystemService:
        """From v1's keys."""
        return SystemService(
            object_dict["systemServiceType"] if "systemServiceType" in object_dict else object_dict["serviceType"],
            object_dict["version"],
            object_dict.get("publicIpAddress"),
        )


class _Ssl:
    """The encryption settings of both configurations."""

    ssl_cname: Optional[str] = None
    ssl_cert_pem_file: Optional[str] = None
    ssl_key_pem_file: Optional[str] = None
    leaf_domain_label: Optional[str] = None
    overwrite_existing_domain: bool = False

    def enable_ssl(
        self,
        ssl_cname: Optional[str] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        leaf_domain_label: Optional[str] = None,
        overwrite_existing_domain: bool = False,
    ) -> Any:
        """Keep how v1 would encrypt. It has no effect: services answer on loopback, in clear; a warning says so.

        Returns:
            The configuration itself.
        """
        self.ssl_cname = ssl_cname or self.ssl_cname
        self.ssl_cert_pem_file = ssl_cert_pem_file or self.ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file or self.ssl_key_pem_file
        self.leaf_domain_label = leaf_domain_label or self.leaf_domain_label
        self.overwrite_existing_domain = overwrite_existing_domain or self.overwrite_existing_domain
        faults = self._faults_of_ssl()
        if faults:
            refuse(faults)
        warn_ignored("enable_ssl", ["all of it: put a proxy that speaks TLS in front of the service"])
        return self

    def _faults_of_ssl(self) -> List[str]:
        parts = (self.ssl_cname, self.ssl_cert_pem_file, self.ssl_key_pem_file)
        faults = []
        if any(parts) and not all(parts):
            faults.append("ssl_cname, ssl_cert_pem_file and ssl_key_pem_file go together")
        if any(parts) and (self.leaf_domain_label or self.overwrite_existing_domain):
            faults.append("a leaf domain label goes without ssl_cname, ssl_cert_pem_file and ssl_key_pem_file")
        return faults


class AksProvisioningConfiguration(_Ssl, ComputeTargetProvisioningConfiguration):
    """What a new AksCompute should be. What names a cluster's network is kept and has no effect.

    Args:
        agent_count: How many machines it may have, where it has machines of its own; 3 by default.
        vm_size: One of Azure's sizes, what each has at most; STANDARD_D3_V2 by default.
        cluster_purpose: One of AksCompute.ClusterPurpose.

    Raises:
        ComputeTargetException: with every fault.
    """

    def __init__(
        self,
        agent_count: Optional[int] = None,
        vm_size: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        location: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        service_cidr: Optional[str] = None,
        dns_service_ip: Optional[str] = None,
        docker_bridge_cidr: Optional[str] = None,
        cluster_purpose: Optional[str] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ) -> None:
        super().__init__(AKS, location)
        self.agent_count = agent_count
        self.vm_size = vm_size
        self.ssl_cname = ssl_cname
        self.ssl_cert_pem_file = ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.service_cidr = service_cidr
        self.dns_service_ip = dns_service_ip
        self.docker_bridge_cidr = docker_bridge_cidr
        self.cluster_purpose = cluster_purpose
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet
        self.validate_configuration()
        ignored = given(
            ssl_cname=ssl_cname,
            vnet_name=vnet_name,
            load_balancer_type=load_balancer_type,
        )
        warn_ignored("AksCompute.provisioning_configuration", ignored)

    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """
        faults = self._faults_of_ssl() + _faults_of_cluster(
            self.cluster_purpose, self.load_balancer_type, self.load_balancer_subnet
        )
        if self.agent_count is not None and (not is_count(self.agent_count) or self.agent_count < 1):
            faults.append(f"agent_count must be a whole number from 1 on, not {self.agent_count!r}")
        network = (
            self.vnet_resourcegroup_name,
            self.vnet_name,
            self.subnet_name,
            self.service_cidr,
            self.dns_service_ip,
            self.docker_bridge_cidr,
        )
        if any(network) and not all(network):
            faults.append(
                "vnet_resourcegroup_name, vnet_name, subnet_name, service_cidr, dns_service_ip and docker_bridge_cidr "
                "go together"
            )
        if faults:
            refuse(faults)

    def _request(self) -> CreateCompute:
        details = details_of(self, "cluster_purpose", "load_balancer_type", "load_balancer_subnet", "agent_count")
        return _aks(self.vm_size, self.location, details)._replace(max_nodes=self.agent_count or AGENTS)


class AksAttachConfiguration(_Ssl, ComputeTargetAttachConfiguration):
    """Which cluster v1 would attach. A serving target of this machine takes its place.

    Raises:
        ComputeTargetException: with every fault.
    """

    def __init__(
        self,
        resource_group: Optional[str] = None,
        cluster_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        cluster_purpose: Optional[str] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ) -> None:
        super().__init__(AKS)
        self.resource_group = resource_group
        self.cluster_name = cluster_name
        self.resource_id = resource_id
        self.cluster_purpose = cluster_purpose
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet
        self.validate_configuration()
        ignored = given(resource_group=resource_group, cluster_name=cluster_name, resource_id=resource_id)
        warn_ignored("AksCompute.attach_configuration", [*ignored, *given(load_balancer_type=load_balancer_type)])

    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """
        faults = self._faults_of_ssl() + _faults_of_cluster(
            self.cluster_purpose, self.load_balancer_type, self.load_balancer_subnet
        )
        if self.resource_id and (self.resource_group or self.cluster_name):
            faults.append("since resource_id is provided, resource_group and cluster_name must not be")
        elif not self.resource_id and not (self.resource_group and self.cluster_name):
            faults.append("resource_group and cluster_name, or resource_id, are not provided")
        if faults:
            refuse(faults)

    def _request(self) -> CreateCompute:
        names = ("cluster_purpose", "load_balancer_type", "load_balancer_subnet")
        details = details_of(self, *names, "resource_group", "cluster_name", "resource_id")
        return _aks(None, None, {**details, ATTACHED: True})


class AksUpdateConfiguration(ComputeTargetUpdateConfiguration):
    """What an AksCompute should become. The encryption has no effect here.

    Raises:
        ComputeTargetException: with every fault.
    """

    def __init__(
        self,
        ssl_configuration: Optional[SslConfiguration] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ) -> None:
        super().__init__(AKS)
        self.ssl_configuration = ssl_configuration
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet
        self.validate_configuration()
        ignored = given(ssl_configuration=ssl_configuration, load_balancer_type=load_balancer_type)
        warn_ignored("AksUpdateConfiguration", ignored)

    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """
        faults = _faults_of_cluster(None, self.load_balancer_type, self.load_balancer_subnet)
        if faults:
            refuse(faults)


class AksCompute(ComputeTarget):
    """A target that serves models and runs no scripts. Its services are spread over machines of Ray's, where the server
    has a cluster of them; else its own machine answers for them.
    """

    type = AKS

    class ClusterPurpose:
        """What v1 made a cluster for."""

        FAST_PROD = "FastProd"
        DEV_TEST = "DevTest"

    provisioning_configuration = AksProvisioningConfiguration
    """What a new target should be: its parameters are those of the configuration."""

    attach_configuration = AksAttachConfiguration
    """Which cluster v1 would attach: its parameters are those of the configuration."""

    get_credentials = RefusedMember("there is no Kubernetes behind it: AMLET_URL and AMLET_TOKEN reach the server.")

    @staticmethod
    def attach(workspace: Workspace, name: str, resource_id: Any) -> ComputeTarget:
        """Make a target. v1 had deprecated this for `ComputeTarget.attach(ws, name, configuration)`.

        Args:
            resource_id: Azure's id of the cluster; a configuration is taken too.
        """
        if isinstance(resource_id, ComputeTargetAttachConfiguration):
            return ComputeTarget.attach(workspace, name, resource_id)
        return ComputeTarget.attach(workspace, name, AksAttachConfiguration(resource_id=resource_id))

    def update(self, update_configuration: AksUpdateConfiguration) -> None:
        """Keep another load balancer's name. It has no effect on services."""
        from amlet.wire.computes import UpdateCompute

        if not isinstance(update_configuration, AksUpdateConfiguration):
            raise ComputeTargetException(
                f"update_configuration cannot be a {type(update_configuration).__name__}.",
                hint="use AksUpdateConfiguration(...).",
            )
        update_configuration.validate_configuration()
        held = self.workspace._connection
        change = UpdateCompute(details=details_of(update_configuration, "load_balancer_type", "load_balancer_subnet"))
        with as_v1(ComputeTargetException):
            self._set(self.workspace, held.client.computes.update(held.workspace_id, self.name, change))
        self._has_asked = True

    def delete(self) -> None:
        """Delete the target. While it serves models that is refused."""
        self._remove()

    def detach(self) -> None:
        """Forget the target. While it serves models that is refused."""
        self._remove()

    def _notice(self) -> str:
        if self._state.target.has_nodes:
            return f'services of "{self.name}" are spread over {self.agent_count} machines of Ray\'s at most'
        return f'services of "{self.name}" are answered by this machine; number and size of machines have no effect'

    def _set(self, workspace: Workspace, state: ComputeState) -> None:
        super()._set(workspace, state)
        self.is_attached = bool(self._detail(ATTACHED))
        self.agent_count = self._detail("agent_count") or AGENTS
        self.agent_vm_size = state.target.vm_size
        self.cluster_purpose = self._detail("cluster_purpose")
        self.load_balancer_type = self._detail("load_balancer_type") or PUBLIC
        self.load_balancer_subnet = self._detail("load_balancer_subnet")
        self.cluster_resource_id = self._detail("resource_id")
        self.cluster_fqdn: Optional[str] = None
        self.ssl_configuration: Optional[SslConfiguration] = None
        self.system_services: List[SystemService] = []

    def _properties(self) -> Dict[str, Any]:
        return {
            "clusterFqdn": self.cluster_fqdn,
            "systemServices": [service.serialize() for service in self.system_services],
            "agentCount": self.agent_count,
            "agentVmSize": self.agent_vm_size,
            "clusterPurpose": self.cluster_purpose,
            "sslConfiguration": None,
            "loadBalancerType": self.load_balancer_type,
            "loadBalancerSubnet": self.load_balancer_subnet,
        }


def _aks(vm_size: Optional[str], location: Optional[str], details: Dict[str, Any]) -> CreateCompute:
    from amlet.wire.computes import CreateCompute

    size = vm_size or DEFAULT_VM_SIZE
    return CreateCompute(AKS, size, max_nodes=AGENTS, idle_s=IDLE_S, location=location or "local", details=details)


def _faults_of_cluster(purpose: Any, load_balancer_type: Any, load_balancer_subnet: Any) -> List[str]:
    faults = []
    purposes = (AksCompute.ClusterPurpose.FAST_PROD, AksCompute.ClusterPurpose.DEV_TEST)
    if purpose is not None and purpose not in purposes:
        faults.append(f"cluster_purpose must be {' or '.join(purposes)}, not {purpose!r}")
    if load_balancer_type is not None and load_balancer_type not in (PUBLIC, INTERNAL):
        faults.append(f"load_balancer_type must be {PUBLIC} or {INTERNAL}, not {load_balancer_type!r}")
    if load_balancer_subnet and load_balancer_type != INTERNAL:
        faults.append(f"load_balancer_subnet goes with load_balancer_type {INTERNAL}")
    return faults
