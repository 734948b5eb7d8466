"""A program of conda's, run to its end; its answer is JSON on standard output."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amlet.base.urls import without_login
from amlet.environments.follow import Ended, builder_mark, follow

TIMEOUT_S = 40 * 60
"""Solvers of old releases take many minutes over conda-forge; files may be gigabytes."""

_DROPPED = re.compile(
    # What says that an environment is active,
    r"VIRTUAL_ENV|CONDA_(PREFIX(_\d+)?|DEFAULT_ENV|SHLVL|PROMPT_MODIFIER|ENV_PROMPT)|PYTHON.*|__PYVENV_LAUNCHER__"
    # what would change which packages are looked for and where they go. Proxies, certificates and accounts pass.
    r"|(CONDA|MAMBA)_(CHANNELS|DEFAULT_CHANNELS|CREATE_DEFAULT_PACKAGES|DRY_RUN|DOWNLOAD_ONLY|JSON|QUIET|ALWAYS_.*"
    r"|PINNED_PACKAGES|PKGS_DIRS|SUBDIR|TARGET_PREFIX)"
    # and what is a secret of ours.
    r"|AMLET_(?!HOME$).*|AZUREML_.*"
)


def run(
    argv: Sequence[str],
    log: Callable[[str], None],
    *,
    question: str = "",
    variables: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
) -> Ended:
    """Run it in a process group of its own that never outlives this call.

    Args:
        question: Its standard input.
        log: Gets every line of its standard error as it comes.
        variables: Beside what passes of this process's own.

    Raises:
        EnvironmentFailed: it took longer than `timeout_s`, or a signal ended it.
    """
    return follow(
        argv,
        log,
        variables={**child_variables(os.environ), **variables, **builder_mark()},
        timeout_s=timeout_s,
        look_at="the connection to the channels",
        question=question,
        public=without_login,
    )


def child_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a program of conda's may see."""
    return {name: value for name, value in variables.items() if not _DROPPED.fullmatch(name)}


def last_document(text: str) -> dict[str, Any]:
    """The last JSON object of a program's output, which may say other things before; empty when there is none."""
    decoder = json.JSONDecoder()
    found: dict[str, Any] = {}
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            found = value if isinstance(value, dict) else found
        at = text.find("{", end)
    return found
