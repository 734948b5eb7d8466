"""What nodes bring along to machines of their own: made when first asked for, given out by digest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from amlet.compute.bundle import Parcel, node_bundle, uv_parcel


class Parcels:
    """The parcels of this server's version. Safe from any thread."""

    def __init__(self, folder: Path, find_uv: Callable[[], Path]) -> None:
        self._folder = folder
        self._find_uv = find_uv
        self._lock = threading.Lock()
        self._made: tuple[Parcel, Parcel] | None = None

    def made(self) -> tuple[Parcel, Parcel]:
        """Our sources, and the uv program. The first call takes some seconds.

        Raises:
            EnvironmentFailed: this machine has no uv.
            StorageFailed: the disk is full.
        """
        with self._lock:
            if self._made is None or not all(parcel.path.exists() for parcel in self._made):
                self._made = node_bundle(self._folder), uv_parcel(self._folder, self._find_uv())
                kept = {parcel.path for parcel in self._made}
                for old in {*self._folder.glob("*.zip"), *self._folder.glob("*.gz")} - kept:
                    old.unlink(missing_ok=True)
            return self._made

    def find(self, digest: str) -> Parcel | None:
        """The parcel of this digest; None when this version has another."""
        return next((parcel for parcel in self.made() if parcel.digest == digest), None)
