"""Environment variables: which of ours, or of whoever started us, a process must not inherit."""

from __future__ import annotations

import os
import re
from typing import Dict

from amlet.base.urls import without_login

NOT_INHERITED = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "__PYVENV_LAUNCHER__",
)
"""They would change what our own processes and jobs import, or make every import four times slower."""

SECRETS = ("AMLET_TOKEN", "AMLET_OWNER_TOKEN", "AMLET_SECRET_KEY")
"""The owner's token and the server's key never enter a node or a job."""

OF_A_JOB = ("AZUREML_", "AMLET_RUN_ID", "AMLET_NODE", "AMLET_ATTEMPT", "AMLET_WORKSPACE_ID", "AMLET_JOURNAL_DIR")
"""Beginnings of variables that belong to one job or node alone."""


_INDEX_SETTING = re.compile(r"(UV|PIP)_\w+")
_INDEX_SECRET = re.compile(r"UV_\w+_(USERNAME|PASSWORD|TOKEN)|UV_KEYRING_PROVIDER")


def job_environment() -> Dict[str, str]:
    """The same for a user's process, and without the logins of package indexes: a script may print what it sees."""

    def is_login(key: str, value: str) -> bool:
        if _INDEX_SECRET.fullmatch(key):
            return True
        return _INDEX_SETTING.fullmatch(key) is not None and without_login(value) != value

    return {key: value for key, value in own_environment().items() if not is_login(key, value)}


def own_environment() -> Dict[str, str]:
    """This process's variables without those that must not reach another process of ours."""
    return {
        key: value
        for key, value in os.environ.items()
        if key not in NOT_INHERITED and key not in SECRETS and not key.startswith(OF_A_JOB)
    }
