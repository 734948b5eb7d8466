"""The child process that holds Ray, from the server's side: calls with a time limit each."""

from __future__ import annotations

import sys
from pathlib import Path

from amlet.base.answering import Answering, NoAnswer
from amlet.base.paths import owner_only
from amlet.base.variables import own_environment

RECONNECT_S = 5
"""Ray ends the process that has been without the cluster's head for so long."""

RayLost = NoAnswer
"""The cluster, or the process that holds it, does not answer, or says no. A new process may fare better."""


class RayProcess(Answering):
    """One life of the child. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        """Start it; its log is `folder/ray.log`.

        Raises:
            OSError: it cannot be started.
        """
        variables = own_environment()
        variables.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(RECONNECT_S))
        arguments = [sys.executable, "-m", "amlet.compute.ray_child"]
        super().__init__(arguments, variables=variables, log=owner_only(folder) / "ray.log")
