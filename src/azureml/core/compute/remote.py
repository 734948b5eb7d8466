"""v1's module: names of amlet.sdk."""

from amlet.sdk.compute_remote import RemoteCompute, RemoteComputeAttachConfiguration

__all__ = ["RemoteCompute", "RemoteComputeAttachConfiguration"]
