"""What activating an environment of conda's would set: found out when it is built, given to jobs when they start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILE = ".amlet-variables.json"
"""In the build's folder: `{"variables": {name: text}, "path": [folders put ahead]}`."""

_TIMEOUT_S = 60
_OF_THE_SHELL = ("PWD", "OLDPWD", "SHLVL", "_", "PATH", "HOME", "BASH_ENV")
_SCRIPT = 'for script in "$@"; do . "$script" </dev/null >/dev/null || exit 9; done; exec /usr/bin/env -0'
_UNSET = "***unset***"
"""What conda writes for a variable that is to be away."""


def capture(prefix: Path, log: Callable[[str], None]) -> None:
    """Run the activation scripts of a prefix's packages once, and keep what they set in the prefix."""
    variables = {"CONDA_PREFIX": str(prefix), **_declared(prefix)}
    path: list[str] = []
    scripts = sorted(Path(prefix, "etc", "conda", "activate.d").glob("*.sh"))
    if scripts:
        bash = shutil.which("bash")
        found = _after(bash, prefix, variables, scripts) if bash else None
        names = ", ".join(script.name for script in scripts)
        if found is None:
            why = "they failed" if bash else "there is no bash on this machine"
            log(f"What these scripts of packages set is not set in jobs, since {why}: {names}.")
        else:
            variables, path = found
            log(f"Jobs get what these scripts of packages set: {names}.")
    text = json.dumps({"variables": variables, "path": path}, indent=1)
    Path(prefix, FILE).write_text(text, encoding="utf-8")


def activated(variables: Mapping[str, str], python: Path) -> dict[str, str]:
    """The variables as activation leaves them: the build's programs come first, and what its packages set is set."""
    told = _mapping(python.parent.parent / FILE)
    path = [*told.get("path", ()), str(python.parent), variables.get("PATH", os.defpath)]
    return {**variables, **told.get("variables", {}), "PATH": os.pathsep.join(path)}


def _declared(prefix: Path) -> dict[str, str]:
    """Variables that packages and `conda env config` name without a script."""
    found: dict[str, Any] = {}
    for path in sorted(Path(prefix, "etc", "conda", "env_vars.d").glob("*.json")):
        found.update(_mapping(path))
    state = _mapping(Path(prefix, "conda-meta", "state")).get("env_vars")
    found.update(state if isinstance(state, dict) else {})
    return {str(name): str(text) for name, text in found.items() if text != _UNSET}


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _after(
    bash: str, prefix: Path, variables: dict[str, str], scripts: list[Path]
) -> tuple[dict[str, str], list[str]] | None:
    before = {
        **variables,
        "PATH": os.pathsep.join([str(prefix / "bin"), os.defpath]),
        "HOME": str(Path.home()),
        "CONDA_SHLVL": "1",
        "CONDA_DEFAULT_ENV": str(prefix),
    }
    try:
        done = subprocess.run(
            [bash, "--noprofile", "--norc", "-c", _SCRIPT, "bash", *map(str, scripts)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
            cwd=prefix,
            env=before,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    after = dict(pair.split("=", 1) for pair in done.stdout.decode("utf-8", "replace").split("\0") if "=" in pair)
    changed = {
        name: text
        for name, text in after.items()
        if before.get(name) != text and name not in _OF_THE_SHELL and not name.startswith("BASH_FUNC_")
    }
    known = before["PATH"].split(os.pathsep)
    path = [folder for folder in after.get("PATH", "").split(os.pathsep) if folder and folder not in known]
    return {**{name: text for name, text in variables.items() if name in after}, **changed}, path
