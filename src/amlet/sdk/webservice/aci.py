"""Services as v1 had them in container instances: one replica (v1-behaviours 15.20)."""

from __future__ import annotations

from typing import Any, Dict, Optional
from urllib.parse import urlsplit

from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.webservice.aci_configuration import AciServiceDeploymentConfiguration
from amlet.sdk.webservice.cloud import CloudWebservice, check_given
from amlet.sdk.webservice.parts import EncryptionProperties, VnetConfiguration
from amlet.sdk.webservice.settings import auth_of


class AciWebservice(CloudWebservice):
    """A service with one replica. Open, unless `auth_enabled`.

    Raises:
        WebserviceException: if the workspace has no such service, or it is of another class.
    """

    _webservice_type = "ACI"

    deploy_configuration = AciServiceDeploymentConfiguration
    """How a new service is to be: its parameters are those of the configuration."""

    def update(
        self,
        image: Any = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        enable_app_insights: Optional[bool] = None,
        models: Any = None,
        inference_config: Any = None,
    ) -> None:
        """Change what is given; requests are answered meanwhile. `wait_for_deployment` waits for the new replica.

        Args:
            tags: In place of all tags.
            properties: Added; those that are there cannot change.
            auth_enabled: Whether requests need a key.
            models: In place of all models.
            inference_config: Another entry script, environment or both.

        Raises:
            WebserviceException: if nothing is given, or for what cannot be.
        """
        check_given({name: value for name, value in locals().items() if name != "self"})
        check_no_image(image)
        if ssl_enabled or ssl_cert_pem_file or ssl_key_pem_file or ssl_cname:
            raise WebserviceException(
                "ssl_enabled=True cannot be done: services answer on this machine, in clear.",
                hint="put a proxy that speaks TLS in front of the service.",
            )
        deployment = self._record.deployment
        if auth_enabled is not None:
            deployment = deployment._replace(auth=auth_of(auth_enabled))
        if enable_app_insights is not None:
            deployment = deployment._replace(details={**deployment.details, "enable_app_insights": enable_app_insights})
        self._update(
            deployment,
            models=models,
            inference_config=inference_config,
            tags=tags,
            properties=properties,
            description=description,
        )

    @property
    def location(self) -> Optional[str]:
        """v1's region, as it was asked for."""
        location: Optional[str] = self._detail("location")
        return location

    @property
    def cname(self) -> Optional[str]:
        """v1's name of the certificate. None: services answer in clear."""
        return None

    @property
    def ssl_enabled(self) -> bool:
        """False: services answer in clear."""
        return False

    @property
    def ssl_certificate(self) -> Optional[str]:
        """None: services answer in clear."""
        return None

    @property
    def ssl_key(self) -> Optional[str]:
        """None: services answer in clear."""
        return None

    @property
    def public_ip(self) -> Optional[str]:
        """The address that it listens on, once it does."""
        return urlsplit(self._record.address).hostname if self._record.address else None

    @property
    def public_fqdn(self) -> Optional[str]:
        """The address that it listens on, once it does."""
        return self.public_ip

    @property
    def encryption_properties(self) -> Optional[EncryptionProperties]:
        """The key of v1's disk, as it was asked for."""
        parts = [self._detail(name) for name in ("cmk_vault_base_url", "cmk_key_name", "cmk_key_version")]
        return EncryptionProperties(*parts) if all(parts) else None

    @property
    def vnet_configuration(self) -> Optional[VnetConfiguration]:
        """v1's network, as it was asked for."""
        parts = [self._detail(name) for name in ("vnet_name", "subnet_name")]
        return VnetConfiguration(*parts) if all(parts) else None

    def get_token(self) -> Any:
        """
        Raises:
            NotImplementedError: always: these services take keys.
        """
        raise NotImplementedError("ACI webservices do not support Token Authentication.")

    def serialize(self) -> Dict[str, Any]:
        """The service under v1's keys."""
        encryption, network = self.encryption_properties, self.vnet_configuration
        return {
            **super().serialize(),
            "containerResourceRequirements": self.container_resource_requirements.serialize(),
            "location": self.location,
            "publicIp": self.public_ip,
            "publicFqdn": self.public_fqdn,
            "cname": self.cname,
            "sslEnabled": self.ssl_enabled,
            "sslCertificate": self.ssl_certificate,
            "sslKey": self.ssl_key,
            "appInsightsEnabled": self.enable_app_insights,
            "encryptionProperties": encryption.serialize() if encryption else None,
            "vnetConfiguration": network.serialize() if network else None,
        }


def check_no_image(image: Any) -> None:
    """
    Raises:
        WebserviceException: for an image.
    """
    if image is not None:
        raise WebserviceException(
            "A service cannot be given an image: amlet keeps none.", hint="update(models=[...], inference_config=...)."
        )
