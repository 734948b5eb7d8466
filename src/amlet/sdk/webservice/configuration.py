"""What a deployment is asked to be: what all configurations share, and that of a local service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from amlet.domain.deployment import LOCAL_SERVICE, Deployment
from amlet.sdk.exceptions import WebserviceException

if TYPE_CHECKING:
    from amlet.wire.services import DeployService

PORTS = (1, 65535)


class WebserviceDeploymentConfiguration(ABC):
    """How a model is to be deployed: one subclass a kind of service.

    Args:
        type: The kind of service.
        primary_key: One of the two keys; chosen at random by default.
        secondary_key: The other.
        location: v1's region. No effect here.
    """

    def __init__(
        self,
        type: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        location: Optional[str] = None,
    ) -> None:
        self._webservice_type = type
        self.description = description
        self.tags = tags
        self.properties = properties
        self.primary_key = primary_key
        self.secondary_key = secondary_key
        self.location = location

    @abstractmethod
    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            WebserviceException: with every fault.
        """

    @abstractmethod
    def print_deploy_configuration(self) -> None:
        """Print what it asks for."""

    @classmethod
    def validate_image(cls, image: Any) -> None:
        """Check that an image can be deployed.

        Raises:
            WebserviceException: for none, or for one that is not made yet.
        """
        if image is None:
            raise WebserviceException("An image is needed to deploy a service from it; None was given.")
        state = getattr(image, "creation_state", None)
        if state != "Succeeded":
            raise WebserviceException(f"The image cannot be deployed: its state is {state}.")

    @abstractmethod
    def _deployment(self) -> Deployment:
        """What it asks of the replicas."""

    def _request(self, name: str) -> DeployService:
        """What it asks beside that."""
        from amlet.wire.services import DeployService

        return DeployService(
            name,
            Deployment(),
            description=self.description,
            tags=dict(self.tags or {}),
            properties=dict(self.properties or {}),
            primary_key=self.primary_key,
            secondary_key=self.secondary_key,
        )

    def _shared_faults(self) -> List[str]:
        faults = [
            f"{name} must be a dict, not {value!r}"
            for name, value in (("tags", self.tags), ("properties", self.properties))
            if value is not None and not isinstance(value, dict)
        ]
        keys = {"primary_key": self.primary_key, "secondary_key": self.secondary_key}
        faults += [
            f"{name} must be a text that is not empty"
            for name, value in keys.items()
            if value is not None and (not isinstance(value, str) or not value.strip())
        ]
        if self.primary_key is not None and self.primary_key == self.secondary_key:
            faults.append("primary_key and secondary_key must differ")
        return faults

    def _print(self, *names: str) -> None:
        """One line a setting that was given; keys are never printed."""
        for name in names:
            value = getattr(self, name)
            if value is not None:
                print(f"{name}: {value}")


class LocalWebserviceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """How a service on this machine is to be.

    Args:
        port: Where it listens; any free port by default, which it then keeps.

    Raises:
        WebserviceException: for what is no port (v1-behaviours 15.19).
    """

    def __init__(self, port: Optional[int] = None) -> None:
        super().__init__("LOCAL")
        self.port = port
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check the port.

        Raises:
            WebserviceException: for what is no port.
        """
        if self.port is not None and not is_whole(self.port, *PORTS):
            raise refusal([f"port must be a whole number from {PORTS[0]} to {PORTS[1]}, not {self.port!r}"])

    def print_deploy_configuration(self) -> None:
        """Print the port."""
        self._print("port")

    def _deployment(self) -> Deployment:
        return Deployment(kind=LOCAL_SERVICE, port=self.port)


def is_number(value: Any) -> bool:
    """Whether it is a number, and no bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any, lowest: int, highest: Optional[int] = None) -> bool:
    """Whether it is a whole number in a range, its ends included."""
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return is_int and value >= lowest and (highest is None or value <= highest)


def above_zero(configuration: Any, *names: str, whole: bool = False) -> List[str]:
    """The faults of settings that must be numbers above zero where they are given."""
    faults = []
    for name in names:
        value = getattr(configuration, name)
        if value is None:
            continue
        if not (is_whole(value, 1) if whole else is_number(value) and value > 0):
            kind = "whole number" if whole else "number"
            faults.append(f"{name} must be a {kind} greater than zero, not {value!r}")
    return faults


def faults_of_ssl(configuration: Any) -> List[str]:
    """The faults of v1's encryption: its three parts go together, and its files must be there."""
    parts = {name: getattr(configuration, name) for name in ("ssl_cert_pem_file", "ssl_key_pem_file", "ssl_cname")}
    faults = []
    if configuration.ssl_enabled and not all(parts.values()):
        missing = ", ".join(name for name, value in parts.items() if not value)
        faults.append(f"ssl_enabled needs a certificate, a key and a CNAME; missing: {missing}")
    for name in ("ssl_cert_pem_file", "ssl_key_pem_file"):
        path: Union[str, Path, None] = parts[name]
        if path and not Path(path).is_file():
            faults.append(f"{name}: there is no file {path}")
    return faults


def refusal(faults: List[str]) -> WebserviceException:
    """All faults as one exception."""
    return WebserviceException(f"Invalid configuration: {'; '.join(faults)}.")
