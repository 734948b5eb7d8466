"""Jobs: what is executed, and the attempts at it."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Tree
from amlet.domain.environment import EnvironmentSpec, Lock

MAX_DURATION_S = 2_592_000
"""30 days, v1's default (v1-behaviours 9.1)."""


class Job(NamedTuple):
    """What a run executes. Either `script` with `arguments`, or `command`."""

    environment: EnvironmentSpec
    snapshot_id: str
    script: Optional[str] = None
    arguments: List[str] = []
    command: Optional[str] = None
    """A shell's line, used instead of script and arguments (v1-behaviours 9.6)."""
    target: str = "local"
    variables: Dict[str, str] = {}
    max_duration_s: Optional[int] = MAX_DURATION_S
    definition: Dict[str, Any] = {}
    """v1's runDefinition as the SDK wrote it. Kept and given back, never read by the server."""


def parameters_of(arguments: List[str]) -> Dict[str, str]:
    """Arguments as names and values: `--kernel linear`, `--C=1`, a flag alone is `true`. The last one wins."""
    found: Dict[str, str] = {}
    waiting: Optional[str] = None
    for argument in arguments:
        is_name = argument.startswith("-") and not _is_number(argument)
        if not is_name:
            if waiting is not None:
                found[waiting] = argument
            waiting = None
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        if name:
            found[name] = value if equals else "true"
            waiting = None if equals else name
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class Share(NamedTuple):
    """What a job may use of its machine."""

    cores: int
    memory_bytes: int


class Lease(NamedTuple):
    """One attempt at a job, handed to a node until it ends or the lease lapses.

    `workspace_id`, `run_id` and `attempt` name it in every later call. `token` is the run's own, never the owner's.
    """

    workspace_id: str
    run_id: str
    attempt: int
    experiment: str
    job: Job
    lock: Lock
    snapshot: Tree
    share: Share
    token: str
    lease_s: float
    """Renew before this many seconds have passed."""
    variables: Dict[str, str]
    """AZUREML_* and AMLET_* variables of the job's process."""
