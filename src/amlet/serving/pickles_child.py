"""Say what the pickle on the standard input would import, as JSON: run by `inspection.py`, within limits of its own.

A pickle may be made to fill the memory or to take for ever of whoever reads it, also with stand-ins.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile

from amlet.serving.pickles import imports_in

MEMORY_BYTES = 1 << 30
CPU_S = 20
NAMES_LIMIT = 1_000
TEXT_LIMIT = 300


def main() -> None:
    """Read, tell, end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        file.seek(0)
        found = imports_in(file)
    told = {
        "names": [name[:TEXT_LIMIT] for name in found.names[:NAMES_LIMIT]],
        "unusual": [name[:TEXT_LIMIT] for name in found.unusual[:NAMES_LIMIT]],
        "trouble": None if found.trouble is None else found.trouble[:TEXT_LIMIT],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
