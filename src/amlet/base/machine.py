"""Which machine this is, since its last start."""

from __future__ import annotations

import functools


@functools.lru_cache(maxsize=1)
def boot_id() -> str:
    """The id that Linux draws at each boot; empty where the system does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            return file.read().decode("ascii").strip()
    except OSError:
        return ""
