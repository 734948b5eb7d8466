"""Where an interactive run came from - git, sources, interpreter, machine - brought beside the script's own work."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from amlet.base.errors import AmletError
from amlet.base.units import human_bytes
from amlet.domain.run import PACKAGES, UNCOMMITTED
from amlet.sdk.notice import warn

if TYPE_CHECKING:
    from amlet.sdk.run_base import RunBase

DELAY_S = 0.02
"""The caller goes on first: its start should not wait for this thread's imports."""

SNAPSHOT_LIMIT_BYTES = 300 << 20
"""v1's limit (v1-behaviours 8.3). Nobody asked for this snapshot by name, so a larger one is left out, not sent."""

PACKAGES_S = 60.0
_listed: List[Tuple[float, str]] = []


def bring_facts(run: RunBase, folder: Path, snapshot: Optional[Path]) -> None:
    """Tell the server all of it. Whatever fails is told in a warning and stops nothing."""
    time.sleep(DELAY_S)
    steps: Tuple[Callable[[], None], ...] = (
        lambda: _properties(run, folder),
        lambda: _files(run, folder),
        lambda: _snapshot(run, snapshot),
    )
    for step in steps:
        try:
            step()
        except AmletError as error:
            warn(f"run {run.id}: {error.message}")
        except OSError as error:
            warn(f"run {run.id}: {error}")


def machine_facts() -> Dict[str, str]:
    """Interpreter and machine, under the names that submitted runs have them by."""
    machine = os.uname()
    return {
        "amlet.python": sys.executable or "python",
        "amlet.python_version": ".".join(map(str, sys.version_info[:3])),
        "amlet.host": machine.nodename,
        "amlet.system": f"{machine.sysname} {machine.release} {machine.machine}",
    }


def packages() -> str:
    """The distributions of this interpreter, one `name==version` a line, sorted; looked up at most once a minute."""
    from importlib import metadata

    if _listed and time.monotonic() - _listed[0][0] < PACKAGES_S:
        return _listed[0][1]
    found: Dict[str, str] = {}
    for item in metadata.distributions():
        name = item.metadata["Name"]
        if name:
            found.setdefault(name.lower(), f"{name}=={item.version}")
    text = "".join(f"{found[key]}\n" for key in sorted(found))
    _listed[:] = [(time.monotonic(), text)]
    return text


def take_snapshot(run: RunBase, place: Path) -> str:
    """Send a folder, or one file, as the sources of the run.

    Returns:
        The snapshot's id.
    """
    from amlet.base.paths import Home
    from amlet.client.snapshot import scan
    from amlet.client.uploads import sources_of, submit_with_blobs
    from amlet.sdk.local_files import files_below
    from amlet.wire.files import PutTree

    if place.is_file():
        found = files_below(place, place.name)
        entries, sources = found.entries, found.sources
    else:
        snapshot = scan(place, home=Home.find())
        for message in snapshot.warnings:
            warn(message)
        entries, sources = snapshot.entries, sources_of(snapshot.folder, snapshot.entries)
    held = run._connection
    answer = submit_with_blobs(
        lambda: held.client.runs.put_snapshot(held.workspace_id, run.id, PutTree(entries)),
        held.client,
        held.workspace_id,
        sources,
    )
    return answer.tree_id


def _properties(run: RunBase, folder: Path) -> None:
    from amlet.sdk.git import git_properties
    from amlet.wire.runs import UpdateRun

    found = {**machine_facts(), **git_properties(folder)}
    held = run._connection
    held.client.runs.update(held.workspace_id, run.id, UpdateRun(add_properties=found))


def _files(run: RunBase, folder: Path) -> None:
    from amlet.sdk.git import uncommitted_diff
    from amlet.sdk.local_files import LocalFiles, files_below

    with tempfile.TemporaryDirectory(prefix="amlet-") as place:
        listed = Path(place, "packages.txt")
        listed.write_text(packages(), "utf-8")
        files = files_below(listed, PACKAGES)
        diff = uncommitted_diff(folder, Path(place))
        if diff is not None:
            more = files_below(diff, UNCOMMITTED)
            files = LocalFiles([*files.entries, *more.entries], {**files.sources, **more.sources})
        run._put(files, replace=True)


def _snapshot(run: RunBase, place: Optional[Path]) -> None:
    from amlet.client.snapshot import weigh

    if place is None:
        return
    size = weigh(place) if place.is_dir() else 0
    if size > SNAPSHOT_LIMIT_BYTES:
        warn(
            f"run {run.id} has no snapshot: {place} holds {human_bytes(size)}. Name what the run does not need in "
            f"{place}/.amlignore, or pass snapshot_directory= the folder of the script, or None."
        )
    else:
        take_snapshot(run, place)
