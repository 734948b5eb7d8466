"""What a deployment as v1's container instance is asked to be (v1-behaviours 15.20)."""

from __future__ import annotations

from typing import Dict, List, Optional

from amlet.domain.deployment import ACI_SERVICE, Deployment
from amlet.sdk.notice import warn_ignored
from amlet.sdk.webservice.configuration import (
    WebserviceDeploymentConfiguration,
    above_zero,
    faults_of_ssl,
    refusal,
)
from amlet.sdk.webservice.settings import ACI_NO_EFFECT, auth_of, capture_of, given_of, resources_of


class AciServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """How a service with one replica is to be.

    What names Azure's network, region and disks is kept as given and has no effect; a warning names it.

    Args:
        cpu_cores: Cores of the replica; 0.1 by default.
        memory_gb: Memory of the replica, in GB; 0.5 by default.
        auth_enabled: Whether requests need a key. False by default.
        ssl_enabled: Encrypted answers. Services here answer in clear, so that a deployment with it is refused.
        primary_key: One of the two keys; chosen at random by default.
        collect_model_data: Keep inputs and predictions.

    Raises:
        WebserviceException: with every fault.
    """

    def __init__(
        self,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        location: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        dns_name_label: Optional[str] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        collect_model_data: Optional[bool] = None,
        cmk_vault_base_url: Optional[str] = None,
        cmk_key_name: Optional[str] = None,
        cmk_key_version: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
    ) -> None:
        super().__init__("ACI", description, tags, properties, primary_key, secondary_key, location)
        self.cpu_cores = cpu_cores
        self.memory_gb = memory_gb
        self.auth_enabled = auth_enabled
        self.ssl_enabled = ssl_enabled
        self.enable_app_insights = enable_app_insights
        self.ssl_cert_pem_file = ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file
        self.ssl_cname = ssl_cname
        self.dns_name_label = dns_name_label
        self.collect_model_data = collect_model_data
        self.cmk_vault_base_url = cmk_vault_base_url
        self.cmk_key_name = cmk_key_name
        self.cmk_key_version = cmk_key_version
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.validate_configuration()
        warn_ignored("AciWebservice.deploy_configuration", list(given_of(self, ACI_NO_EFFECT)))

    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            WebserviceException: with every fault.
        """
        faults: List[str] = above_zero(self, "cpu_cores", "memory_gb") + self._shared_faults() + faults_of_ssl(self)
        vault = (self.cmk_vault_base_url, self.cmk_key_name, self.cmk_key_version)
        if any(vault) and not all(vault):
            faults.append("cmk_vault_base_url, cmk_key_name and cmk_key_version go together")
        if bool(self.vnet_name) != bool(self.subnet_name):
            faults.append("vnet_name and subnet_name go together")
        if faults:
            raise refusal(faults)

    def print_deploy_configuration(self) -> None:
        """Print what it asks for."""
        self._print(
            "cpu_cores",
            "memory_gb",
            "auth_enabled",
            "ssl_enabled",
            "collect_model_data",
            "description",
            "tags",
            "properties",
        )

    def _deployment(self) -> Deployment:
        return Deployment(
            kind=ACI_SERVICE,
            resources=resources_of(None, self.cpu_cores, self.memory_gb),
            auth=auth_of(self.auth_enabled),
            capture=capture_of(self.collect_model_data),
            details=given_of(self, ACI_NO_EFFECT),
        )
