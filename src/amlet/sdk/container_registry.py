"""Container registries: where an image of the user's own is pulled from."""

from __future__ import annotations

from typing import Any, Optional, Set

from amlet.sdk.config_element import ConfigElement


class RegistryIdentity(ConfigElement):
    """v1's managed identity of a registry: kept and given back."""

    def __init__(self) -> None:
        self.resource_id: Optional[str] = None
        self.client_id: Optional[str] = None
        self._close()


class ContainerRegistry(ConfigElement):
    """The registry of an image. Its address goes before the image's name; a password is not kept."""

    def __init__(self) -> None:
        self.address: Optional[str] = None
        self.username: Optional[str] = None
        self.registry_identity: Optional[RegistryIdentity] = None
        self._was_given_password = False
        self._close()

    @property
    def password(self) -> Optional[str]:
        """Always None: the container program of each node keeps the login, not amlet."""
        return None

    @password.setter
    def password(self, value: Any) -> None:
        self._was_given_password = bool(value)

    def _reference(self, image: str) -> str:
        """The image as `podman pull` takes it."""
        address = (self.address or "").split("://")[-1].rstrip("/")
        return f"{address}/{image}" if address and not image.startswith(address + "/") else image

    def _tell_of_login(self) -> None:
        """Say that a password was given, and what to do instead; once an address."""
        from amlet.sdk.notice import warn

        address = self.address or "ADDRESS"
        if self._was_given_password and address not in _TOLD:
            _TOLD.add(address)
            warn(
                f"the password of registry {address} is not kept: log in once on each machine that runs jobs, "
                f"with `podman login {address}` or `docker login {address}`."
            )


class AzureContainerRegistry(ContainerRegistry):
    """v1's older name of ContainerRegistry."""


_TOLD: Set[str] = set()
