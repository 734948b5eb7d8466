"""The folder that `amlet quickstart` writes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from amlet.cli.own_files import write_new

NAMES = ("config.json", "conda_dependencies.yml", "train_iris.py", "submit.py")


class Written(NamedTuple):
    """What became of the files of the example."""

    new: list[str]
    differs: list[str]
    """Files of the user's under the same names, left as they are."""


def text(name: str) -> str:
    """The content of a file of the example."""
    return resources.files("amlet.cli").joinpath("example").joinpath(f"{name}.txt").read_text("utf-8")


def write(folder: Path) -> Written:
    """Write the files that are not there yet.

    Raises:
        StorageFailed: one cannot be written.
    """
    found = Written([], [])
    for name in NAMES:
        if write_new(folder / name, text(name)):
            found.new.append(name)
        elif not _is_same(folder / name, text(name)):
            found.differs.append(name)
    return found


def _is_same(path: Path, wanted: str) -> bool:
    try:
        return path.read_bytes() == wanted.encode("utf-8")
    except OSError:
        return False
