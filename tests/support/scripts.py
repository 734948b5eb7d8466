"""Users' scripts, run as users run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.server import clean_environment


def run_script(
    folder: Path, script: str, home: Path, *arguments: str, timeout_s: float = 240, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in its folder with this Python, its home set."""
    return subprocess.run(
        [sys.executable, script, *arguments],
        cwd=folder,
        env=clean_environment(AMLET_HOME=str(home), **variables),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
