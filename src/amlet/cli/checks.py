"""What `amlet doctor` looks at. Each check changes nothing and never raises."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import AmletError
from amlet.base.paths import Home
from amlet.base.units import human_bytes
from amlet.base.version import __version__

LOW_DISK_BYTES = 2_000_000_000
"""An environment with scikit-learn takes about 0.4 GB."""


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    good: bool
    told: str
    mend: str | None = None


def all_checks(home: Home | None = None) -> list[Check]:
    """Every check, in the order shown."""
    home = home or Home.find()
    parts: list[tuple[str, Callable[[Home], Check]]] = [
        ("Pythons", pythons),
        ("uv", uv),
        ("home", home_folder),
        ("disk", disk),
        ("file system", file_system),
        ("server", server),
        ("azureml", azureml),
    ]
    return [_safely(name, look, home) for name, look in parts]


def _safely(name: str, look: Callable[[Home], Check], home: Home) -> Check:
    try:
        return look(home)
    except AmletError as error:
        return Check(name, False, error.message, error.hint)
    except OSError as error:
        return Check(name, False, f"{error.filename or 'it'} cannot be looked at: {error.strerror}")


def pythons(_home: Home) -> Check:
    """Interpreters that environments can be built for."""
    from amlet.environments.pythons import at_hand

    found = at_hand()
    if not found:
        return Check("Pythons", False, "none from 3.8 on was found", "install one, such as python3.11.")
    return Check("Pythons", True, ", ".join(f"{python} ({python.path})" for python in found))


def uv(_home: Home) -> Check:
    """The program that resolves and builds environments."""
    from amlet.environments.uv_program import find_uv

    path = find_uv()
    try:
        done = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("uv", False, f"{path} does not run: {error}", "`pip install --force-reinstall uv`.")
    return Check("uv", True, f"{done.stdout.strip()} ({path})")


def home_folder(home: Home) -> Check:
    """Where everything is kept: ours to write, and for no other eyes."""
    root = home.root
    if not root.exists():
        parent = next(folder for folder in root.parents if folder.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            mend = "set AMLET_HOME to a folder that you can write to."
            return Check("home", False, f"{root} cannot be made: {parent} is not yours to write", mend)
        return Check("home", True, f"{root} (made at first use)")
    if not os.access(root, os.W_OK | os.X_OK):
        return Check("home", False, f"{root} cannot be written", "set AMLET_HOME to a folder of your own.")
    if root.stat().st_mode & 0o077:
        return Check("home", False, f"others can look into {root}, which holds your token", f"chmod 700 {root}")
    return Check("home", True, str(root))


def disk(home: Home) -> Check:
    """Room for environments and models."""
    free_bytes = shutil.disk_usage(_there(home.root)).free
    told = f"{human_bytes(free_bytes)} free at {home.root}"
    if free_bytes < LOW_DISK_BYTES:
        mend = f"free some space, or set AMLET_HOME to another disk: {human_bytes(LOW_DISK_BYTES)} are good to have."
        return Check("disk", False, told, mend)
    return Check("disk", True, told)


def file_system(home: Home) -> Check:
    """The records need a disk of this machine's own, with locks that work."""
    from amlet.server.main import refuse_network_disk

    refuse_network_disk(_there(home.root))
    return Check("file system", True, "a disk of this machine's own")


def server(home: Home) -> Check:
    """The server in use: the one of AMLET_URL, else the local one."""
    from amlet.client.local_server import LocalServer, connect

    elsewhere = os.environ.get("AMLET_URL")
    if elsewhere:
        return Check("server", True, f"{connect(home).url} answers (AMLET_URL)")
    client = LocalServer(home, start=False).running()
    if client is None:
        return Check("server", True, "does not run; it starts when it is needed")
    status = client.server.status()
    if status.version != __version__:
        mend = "`amlet server stop`; the next use starts this version."
        return Check("server", False, f"{client.url} is version {status.version}, this is {__version__}", mend)
    return Check("server", True, f"{client.url} answers, {status.runs_active} runs in progress")


def azureml(_home: Home) -> Check:
    """That `import azureml` finds ours, and that Microsoft's azureml-core does not lie over it."""
    import amlet
    from amlet.sdk.beside_microsoft import CURE, THEIRS

    ours = Path(next(iter(amlet.__path__))).parent / "azureml"
    if not (ours / "core").is_dir():
        return Check("azureml", False, f"{ours} is not there", "`pip install --force-reinstall --no-deps amlet`.")
    if any((ours / name).is_dir() for name in THEIRS):
        return Check("azureml", False, f"Microsoft's azureml-core lies in {ours} too", CURE)
    return Check("azureml", True, f"the SDK of scripts is {ours}")


def _there(path: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
