"""The replica of a packaged model: `python packaged.py <service folder>`, as the image of `Model.package` starts it.

The folder holds `replica.json`. It answers on port 5001 of every address of its container (v1-behaviours 15.15); with
`AMLET_SERVICE_KEYS`, keys separated by commas, only to who brings one.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # In place of this file's own folder, whose names are not for everyone to import.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import hashlib
import os
import socket
import tempfile

from amlet.runtime.scoring import replica
from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaFile

PORT = 5001
PORT_VARIABLE = "AMLET_SERVICE_PORT"
KEYS_VARIABLE = "AMLET_SERVICE_KEYS"


def main(service: Path) -> int:
    """Serve what the folder holds until told to stop; the process's exit code."""
    # Taken out of the environment: the entry script has no use for them.
    told = os.environ.pop(KEYS_VARIABLE, "")
    keys = [key.strip() for key in told.split(",") if key.strip()]
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    hashes = [hashlib.sha256(key.encode("utf-8")).hexdigest() for key in keys]
    AccessFile(key_hashes=hashes or None).write(folder)
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("0.0.0.0", int(os.environ.get(PORT_VARIABLE, PORT))))  # noqa: S104 - of a container
    listening.listen(1024)
    ReplicaFile.read(service)._replace(socket_fd=listening.detach()).write(folder)
    return replica.main(folder)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
