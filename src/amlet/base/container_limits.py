"""The limits that containers are given by name."""

from __future__ import annotations

import resource
from typing import List

OPEN_FILES = 65_536
PROCESSES = 32_768
"""The most that is asked for. Without a word of ours a container gets limits above the ones of this process, which
needs a privilege that not every machine gives; podman itself raises its own to no more than this many processes."""


def ulimits() -> List[str]:
    """The limits a container is given by name: never above those of this process."""
    given: List[str] = []
    for name, number, most in (
        ("nofile", resource.RLIMIT_NOFILE, OPEN_FILES),
        ("nproc", resource.RLIMIT_NPROC, PROCESSES),
    ):
        hard = resource.getrlimit(number)[1]
        value = most if hard == resource.RLIM_INFINITY else min(hard, most)
        given += ["--ulimit", f"{name}={value}:{value}"]
    return given
