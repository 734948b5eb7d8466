"""The container engine of this machine, as far as packages need it: podman first, which needs no daemon."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, Optional

from amlet.base.container_limits import ulimits

ASK_TIMEOUT_S = 60.0
BUILD_TIMEOUT_S = 3600.0
PROGRAMS = ("podman", "docker")


class Engine(NamedTuple):
    """A container program that answers."""

    name: str
    path: str

    @staticmethod
    def find() -> Optional[Engine]:
        """The first that answers; None where none does."""
        for name in PROGRAMS:
            path = shutil.which(name)
            if path is not None and _ask(path, "info") == 0:
                return Engine(name, path)
        return None

    def has_image(self, image: str) -> bool:
        """Whether it has an image of that name."""
        return _ask(self.path, "image", "inspect", image) == 0


def build_image(engine: Engine, context: Path, image: str, log: Path) -> Optional[str]:
    """Build a context's Dockerfile. Blocks.

    Args:
        log: Where what the build prints goes.

    Returns:
        None, or why there is no image.
    """
    # The host's network, so that indexes that this machine reaches are reached.
    how = ["--network=host", *ulimits(), "--tag", image, "--file", str(context / "Dockerfile")]
    argv = [engine.path, "build", *how, str(context)]
    try:
        with log.open("ab") as output:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=BUILD_TIMEOUT_S,
                check=False,
                env=dict(os.environ),
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{engine.name} build did not run to its end: {error}."
    return None if done.returncode == 0 else f"{engine.name} build ended with exit code {done.returncode}."


def _ask(*argv: str) -> int:
    try:
        return subprocess.run(argv, capture_output=True, timeout=ASK_TIMEOUT_S, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return 1
