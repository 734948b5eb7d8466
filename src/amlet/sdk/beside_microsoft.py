"""Microsoft's azureml-core in the same folder as ours: the two overwrite each other's files, so it is told."""

from __future__ import annotations

import os
import sys
from typing import Iterable

THEIRS = ("_restclient", "_base_sdk_common")
"""Folders that only theirs has."""

CURE = "pip uninstall -y azureml-core && pip install --force-reinstall --no-deps amlet"


def tell_once(folders: Iterable[str]) -> None:
    """Say on stderr how to mend it, if one of these folders of the package `azureml` holds both."""
    for folder in folders:
        if any(os.path.isdir(os.path.join(folder, name)) for name in THEIRS):  # noqa: PTH112, PTH118 - at every start
            print(
                f"amlet: Microsoft's azureml-core lies in {folder} too, and the two overwrite each other's files. "
                f"This mends it: {CURE}",
                file=sys.stderr,
            )
            return
